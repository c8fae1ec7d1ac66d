//! The gated activation of the MLP.

use super::{RowsLeft, row_parts};
use crate::cpu::Cpu;
use crate::kernels::cpu::elementwise::Swiglu;

/// `out = silu(gate) * up`: a row of `gate_up` `[rows, 2 * width]` holds `width` gates, then `width` ups; out is `[rows, width]`.
pub fn swiglu(cpu: &Cpu, gate_up: &[f32], width: usize, out: &mut [f32]) {
    assert_eq!(gate_up.len(), 2 * out.len(), "a gate and an up for each output");
    assert!(out.len().is_multiple_of(width), "whole rows of {width}, not {} values", out.len());
    let rows = gate_up.len() / (2 * width);
    let mut places = RowsLeft { rest: out, width };
    let parts = row_parts(cpu, rows, 2 * width).into_iter().map(|rows| {
        let out = places.take(rows.len());
        Swiglu { gate_up: &gate_up[rows.start * 2 * width..rows.end * 2 * width], width, out }
    });
    cpu.pool().for_each(parts.collect(), |part| cpu.isa().run(part));
}
