//! RMS norm of rows.

use super::{RowsLeft, row_parts};
use crate::cpu::Cpu;
use crate::kernels::cpu::elementwise::RmsNorm;

/// `out = x / sqrt(mean(x^2) + eps) * weight` for each row of x `[rows, width]`; weight is `[width]`.
pub fn rms_norm(cpu: &Cpu, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    assert_eq!(x.len(), out.len(), "as many outputs as inputs");
    assert!(x.len().is_multiple_of(width), "whole rows of {width}, not {} values", x.len());
    let mut places = RowsLeft { rest: out, width };
    let parts = row_parts(cpu, x.len() / width, width).into_iter().map(|rows| {
        let out = places.take(rows.len());
        RmsNorm { x: &x[rows.start * width..rows.end * width], weight, eps, out }
    });
    cpu.pool().for_each(parts.collect(), |part| cpu.isa().run(part));
}
