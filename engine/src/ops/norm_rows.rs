//! Rows through their norm, in place: where they leave the model, or where the residual stream itself is normed.

use super::WORTH_SHARING;
use crate::cpu::Cpu;
use crate::kernels::cpu::norm_row::{NormRow, RowNorm};

/// The norm of each row of `rows`, `[rows, k]`.
pub fn norm_rows(cpu: &Cpu, norm: RowNorm<'_>, rows: &mut [f32]) {
    let k = norm.weight.len();
    assert!(rows.len().is_multiple_of(k), "whole rows of {k}, not {} values", rows.len());
    let shared = rows.len() >= WORTH_SHARING;
    let rows = rows.chunks_exact_mut(k);
    let apply = |row: &mut [f32]| cpu.isa().run(NormRow { row, norm });
    if shared { cpu.pool().for_each(rows, apply) } else { rows.for_each(apply) }
}
