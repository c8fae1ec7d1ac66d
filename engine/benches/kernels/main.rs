//! Speed of the CPU kernels beside the machine's limits, measured in the same run.
//!
//! Run with `cargo bench -p engine --bench kernels`; arguments name instruction sets (`avx2`) and formats (`Q4_1`) to
//! choose among them. Weights are cycled through more memory than most caches hold.

#![allow(clippy::print_stdout, reason = "its output is the product")]

mod attention;
mod linear;
mod rows;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use engine::Isa;
use engine::cpu::Cpu;
use engine::limits::{Arithmetic, LimitProbe, MachineLimits};

/// Times each measurement is repeated; the median counts.
const ROUNDS: usize = 5;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let isas: Vec<Isa> = Isa::ALL.into_iter().filter(|isa| *isa != Isa::Scalar && isa.is_available()).collect();
    let formats = linear::formats();
    for isa in chosen(&named, &isas, |isa| isa.name().to_owned()) {
        for threads in [1, std::thread::available_parallelism().map_or(2, usize::from)] {
            let cpu = Cpu::new(isa, threads).expect("available");
            let probe = LimitProbe::new(&cpu, LimitProbe::BYTES);
            println!("{isa}, {threads} threads: {}", described(&probe.measure(&cpu)));
            fork_join(&cpu);
            for format in chosen(&named, &formats, linear::name) {
                linear::measure(&cpu, &probe, format);
            }
            rows::measure(&cpu);
            attention::measure(&cpu);
        }
    }
}

/// Those of `all` that were named, or all if none was.
fn chosen<T: Copy>(named: &[String], all: &[T], name: impl Fn(T) -> String) -> Vec<T> {
    let some: Vec<T> = all.iter().copied().filter(|one| named.contains(&name(*one))).collect();
    if some.is_empty() { all.to_vec() } else { some }
}

fn described(limits: &MachineLimits) -> String {
    let kinds = Arithmetic::ALL.into_iter().filter_map(|kind| Some((kind.name(), limits.ops_per_s(kind)?)));
    let read = format!("at most {:.1} GB/s", limits.read_bytes_per_s / 1e9);
    let all = std::iter::once(read).chain(kinds.map(|(kind, ops)| format!("{kind} {:.0} Gop/s", ops / 1e9)));
    all.collect::<Vec<_>>().join(", ")
}

/// Seconds of one call: the median of some rounds of `calls`.
fn seconds(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let since = Instant::now();
            (0..calls).for_each(&mut call);
            since.elapsed().as_secs_f64() / calls as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn fork_join(cpu: &Cpu) {
    let threads = cpu.pool().threads();
    let joined = seconds(1000, |_| {
        let arrived = AtomicUsize::new(0);
        cpu.pool().for_each(vec![(); threads], |()| {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < threads {
                std::hint::spin_loop();
            }
        });
    });
    println!("  fork-join in which every thread takes part {:.2} us", joined * 1e6);
}
