//! Speed of the CPU kernels against the machine's limits: GFLOP/s, GB/s and microseconds, one line each.
//!
//! Run with `cargo bench -p engine --bench kernels`; arguments that name instruction sets choose among them. Weights are
//! cycled through more memory than the caches hold.

#![allow(clippy::print_stdout, reason = "its output is the product")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use engine::cpu::Cpu;
use engine::kernels::cpu::isa::Isa;
use engine::kv_cache::{KvCache, KvGeometry};
use engine::ops;
use engine::ops::matmul::{PanelMatrix, RowSource};
use engine::ops::paged_attention::{Attention, AttentionInput};
use engine::ops::sequences::SequenceRows;
use scheduler::BlockId;

const COLD_BYTES: usize = 128 << 20;

fn main() {
    let named: Vec<String> = std::env::args().collect();
    let all = !named.iter().any(|name| Isa::ALL.iter().any(|isa| isa.name() == name));
    let wanted = Isa::ALL.into_iter().filter(|isa| *isa != Isa::Scalar && isa.is_available());
    for isa in wanted.filter(|isa| all || named.iter().any(|name| name == isa.name())) {
        for threads in [1, std::thread::available_parallelism().map_or(2, usize::from)] {
            let cpu = Cpu::new(isa, threads).expect("available");
            println!("{isa}, {threads} threads");
            fork_join(&cpu);
            for (outputs, inputs) in [(3072, 576), (576, 1536), (576, 576), (49152, 576)] {
                matmul(&cpu, outputs, inputs);
            }
            for context in [128, 512, 2048] {
                attention(&cpu, 16, 1, context);
                attention(&cpu, 1, 1, context);
                attention(&cpu, 1, 128, context);
            }
            rows(&cpu);
        }
    }
}

/// Seconds of one call: the median of some rounds.
fn seconds(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let since = Instant::now();
            (0..calls).for_each(&mut call);
            since.elapsed().as_secs_f64() / calls as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
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

fn matmul(cpu: &Cpu, outputs: usize, inputs: usize) {
    let bytes = outputs * inputs * 4;
    let read = |rows: std::ops::Range<usize>, out: &mut [f32]| {
        out.iter_mut().zip(rows.start..).for_each(|(value, seed)| *value = (seed % 7) as f32 - 3.0);
        Ok::<(), Infallible>(())
    };
    let source = RowSource { rows: outputs, read: &read };
    let pack = |_| PanelMatrix::pack(cpu, inputs, std::slice::from_ref(&source)).expect("infallible");
    let matrices: Vec<PanelMatrix> = (0..COLD_BYTES.div_ceil(bytes)).map(pack).collect();
    print!("  linear {outputs} x {inputs}:");
    for rows in [1, 2, 4, 8, 16, 32, 64, 128, 512] {
        let (x, mut y) = (vec![0.5; rows * inputs], vec![0.0; rows * outputs]);
        let flops = 2.0 * (rows * outputs * inputs) as f64;
        let calls = ((3e9 / flops) as usize).clamp(1, 2 * matrices.len());
        let seconds = seconds(calls, |call| ops::linear(cpu, &matrices[call % matrices.len()], &x, &mut y));
        if rows == 1 {
            print!(" {:.1} us, {:.1} GB/s; GFLOP/s", seconds * 1e6, bytes as f64 / seconds / 1e9);
        }
        print!(" {rows}: {:.0}", flops / seconds / 1e9);
    }
    println!();
}

/// `count` sequences of `context` positions, the last `tokens` of them computed, 30 layers in turn.
fn attention(cpu: &Cpu, count: usize, tokens: usize, context: usize) {
    let (heads, kv_heads, head_dim, block_size) = (9, 3, 64, 16);
    let per_sequence = context.max(tokens).div_ceil(block_size);
    let blocks = count * per_sequence;
    let mut cache = KvCache::new(KvGeometry { layers: 30, blocks, block_size, kv_heads, head_dim });
    fill(&mut cache);
    let shuffled = |index: usize| BlockId(((index * 7919) % blocks) as u32);
    let tables: Vec<Vec<BlockId>> =
        (0..count).map(|seq| (0..per_sequence).map(|block| shuffled(seq * per_sequence + block)).collect()).collect();
    let start = context - tokens.min(context);
    let sequences: Vec<SequenceRows<'_>> = tables
        .iter()
        .enumerate()
        .map(|(seq, blocks)| SequenceRows { rows: seq * tokens..(seq + 1) * tokens, start, blocks })
        .collect();
    let queries = vec![0.1; count * tokens * heads * head_dim];
    let mut out = queries.clone();
    let facts = Attention { heads, scale: 0.125 };
    let seconds = seconds(60, |call| {
        let input = AttentionInput { queries: &queries, sequences: &sequences, kv: cache.layer(call % 30) };
        ops::paged_attention(cpu, &facts, &input, &mut out);
    });
    let seen: usize = (start + 1..=start + tokens).sum::<usize>() * count;
    let flops = (4 * seen * heads * head_dim) as f64;
    let bytes = (count * context * 2 * kv_heads * head_dim * 4) as f64;
    println!(
        "  attention {count} x {tokens} tokens, context {context}: {:.1} us, {:.0} GFLOP/s, {:.1} GB/s",
        seconds * 1e6,
        flops / seconds / 1e9,
        bytes / seconds / 1e9
    );
}

/// Pages that were never written all read the same zeros.
fn fill(cache: &mut KvCache) {
    let KvGeometry { layers, blocks, block_size, head_dim, .. } = *cache.geometry();
    let row = vec![0.1; head_dim];
    for layer in 0..layers {
        for mut head in cache.layer_mut(layer).heads_mut() {
            for slot in 0..blocks * block_size {
                head.write(BlockId((slot / block_size) as u32), slot % block_size, &row, &row);
            }
        }
    }
}

fn rows(cpu: &Cpu) {
    let (tokens, width, gates) = (128, 576, 1536);
    let (x, weight, mut out) = (vec![0.5; tokens * width], vec![1.0; width], vec![0.0; tokens * width]);
    let norm = seconds(200, |_| ops::rms_norm(cpu, &x, &weight, 1e-5, &mut out));
    let (gate_up, mut gated) = (vec![0.5; tokens * 2 * gates], vec![0.0; tokens * gates]);
    let swiglu = seconds(200, |_| ops::swiglu(cpu, &gate_up, gates, &mut gated));
    println!("  {tokens} rows: rms_norm {:.1} us, swiglu {:.1} us", norm * 1e6, swiglu * 1e6);
}
