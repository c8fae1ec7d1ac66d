//! Logits held within a cap.

use super::WORTH_SHARING;
use crate::cpu::Cpu;
use crate::kernels::cpu::softcap::Softcap;

/// Takes each value to `cap * tanh(value / cap)`, in place.
pub fn softcap(cpu: &Cpu, cap: f32, values: &mut [f32]) {
    cpu.pool().for_each(values.chunks_mut(WORTH_SHARING), |values| cpu.isa().run(Softcap { values, cap }));
}
