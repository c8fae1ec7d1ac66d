//! What this machine can do at most, measured where and when it matters: with the engine's own threads, beside the work
//! that is compared with it.
//!
//! A reading is the best of a few tries, because whatever else runs can only take away. Nothing is remembered between
//! readings: on a shared machine they differ from minute to minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cpu::Cpu;
use crate::kernels::aligned::Aligned;
pub use crate::kernels::cpu::limits::Arithmetic;
use crate::kernels::cpu::limits::{multiply, read};

/// Floats that a thread reads in one run: memory likes long reads.
const RUN_FLOATS: usize = (4 << 20) / size_of::<f32>();
/// Tries of which the best counts.
const TRIES: usize = 4;
/// How long a try of arithmetic takes.
const SPAN: Duration = Duration::from_millis(25);
/// Rounds between two looks at the clock.
const ROUNDS: usize = 4096;

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MachineLimits {
    /// Bytes that all threads together read from memory in a second.
    pub read_bytes_per_s: f64,
    /// Operations in a second, two for each multiply-add: of f32.
    pub f32_ops_per_s: f64,
    /// Of int8; none where the kernels in use have no instructions for it.
    pub int8_ops_per_s: Option<f64>,
    /// Of bf16; none where the kernels in use have no instructions for it.
    pub bf16_ops_per_s: Option<f64>,
}

impl MachineLimits {
    /// Operations in a second of one kind.
    pub fn ops_per_s(&self, arithmetic: Arithmetic) -> Option<f64> {
        match arithmetic {
            Arithmetic::F32 => Some(self.f32_ops_per_s),
            Arithmetic::Int8 => self.int8_ops_per_s,
            Arithmetic::Bf16 => self.bf16_ops_per_s,
        }
    }
}

/// Takes readings; holds the memory that is read for them.
#[derive(Debug)]
pub struct LimitProbe {
    memory: Aligned,
}

impl LimitProbe {
    /// More than caches hold.
    pub const BYTES: usize = 512 << 20;

    /// Fills `bytes` of memory, on the threads that will read it: untouched pages would all be the same one.
    pub fn new(cpu: &Cpu, bytes: usize) -> Self {
        let mut memory = Aligned::zeroed(bytes / size_of::<f32>());
        cpu.pool().for_each(memory.chunks_mut(RUN_FLOATS).collect::<Vec<_>>(), |run| run.fill(1.0));
        Self { memory }
    }

    /// Takes a reading, in a fraction of a second.
    pub fn measure(&self, cpu: &Cpu) -> MachineLimits {
        let f32_ops_per_s = ops_per_s(cpu, Arithmetic::F32);
        MachineLimits {
            read_bytes_per_s: best(|| self.read_once(cpu)),
            f32_ops_per_s: f32_ops_per_s.expect("every instruction set multiplies f32"),
            int8_ops_per_s: ops_per_s(cpu, Arithmetic::Int8),
            bf16_ops_per_s: ops_per_s(cpu, Arithmetic::Bf16),
        }
    }

    /// Bytes in a second of one pass over the memory.
    fn read_once(&self, cpu: &Cpu) -> f64 {
        let runs: Vec<&[f32]> = self.memory.chunks(RUN_FLOATS).collect();
        let since = Instant::now();
        cpu.pool().for_each(runs, |run| read(cpu.isa(), run));
        self.memory.bytes() as f64 / since.elapsed().as_secs_f64()
    }
}

/// Operations in a second of all threads, or none if there are no instructions for them.
fn ops_per_s(cpu: &Cpu, arithmetic: Arithmetic) -> Option<f64> {
    multiply(cpu.isa(), arithmetic, 0)?;
    Some(best(|| multiply_once(cpu, arithmetic)))
}

/// Over the time until the slowest thread is done: whoever comes late is counted too.
fn multiply_once(cpu: &Cpu, arithmetic: Arithmetic) -> f64 {
    let total = AtomicU64::new(0);
    let since = Instant::now();
    cpu.pool().for_each(vec![(); cpu.pool().threads()], |()| {
        let begin = Instant::now();
        while begin.elapsed() < SPAN {
            let done = multiply(cpu.isa(), arithmetic, ROUNDS).unwrap_or(0);
            total.fetch_add(done, Ordering::Relaxed);
        }
    });
    total.into_inner() as f64 / since.elapsed().as_secs_f64()
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..TRIES).map(|_| measure()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::isa::Isa;

    #[test]
    fn a_reading_has_a_figure_for_each_kind_that_there_is() {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let cpu = Cpu::new(isa, 2).unwrap();
            let limits = LimitProbe::new(&cpu, 1 << 20).measure(&cpu);
            assert!(limits.read_bytes_per_s > 0.0, "{isa}: {limits:?}");
            for arithmetic in Arithmetic::ALL {
                let figure = limits.ops_per_s(arithmetic);
                assert_eq!(figure.is_some(), multiply(cpu.isa(), arithmetic, 0).is_some(), "{isa}: {limits:?}");
                assert!(figure.is_none_or(|figure| figure > 0.0), "{isa}: {limits:?}");
            }
        }
    }
}
