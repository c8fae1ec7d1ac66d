//! The denominator of a softmax over a row of logits.

use crate::cpu::Cpu;
use crate::kernels::cpu::elementwise::MaxAndExpSum;

/// `ln(sum(e^value))` of one row, at least one value; minus infinities count nothing, a NaN gives NaN.
pub fn log_sum_exp(cpu: &Cpu, values: &[f32]) -> f32 {
    let (greatest, sum) = cpu.isa().run(MaxAndExpSum { values });
    greatest + sum.ln()
}
