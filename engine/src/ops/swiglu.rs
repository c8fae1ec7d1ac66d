//! The gated activation of the MLP.

use super::{row_parts, take_rows};
use crate::cpu::Cpu;
use crate::kernels::cpu::elementwise::Swiglu;

/// `out = silu(gate) * up`: a row of `gate_up` `[rows, 2 * width]` holds `width` gates, then `width` ups; out is `[rows, width]`.
pub fn swiglu(cpu: &Cpu, gate_up: &[f32], width: usize, out: &mut [f32]) {
    assert_eq!(
        gate_up.len(),
        2 * out.len(),
        "a gate and an up for each output"
    );
    assert!(
        out.len().is_multiple_of(width),
        "whole rows of {width}, not {} values",
        out.len()
    );
    let mut rest = &mut *out;
    let rows = gate_up.len() / (2 * width);
    let parts = row_parts(cpu, rows, 2 * width).into_iter().map(|rows| {
        let out = take_rows(&mut rest, rows.len(), width);
        Swiglu {
            gate_up: &gate_up[rows.start * 2 * width..rows.end * 2 * width],
            width,
            out,
        }
    });
    cpu.pool()
        .for_each(parts.collect(), |part| cpu.isa().run(part));
}
