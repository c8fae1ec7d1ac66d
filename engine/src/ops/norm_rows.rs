//! Rows through their norm, in place. They are few: one for each sequence that ends with its vector.

use crate::cpu::Cpu;
use crate::kernels::cpu::fill_tile::RowNorm;
use crate::kernels::cpu::norm_row::NormRow;

/// `x / sqrt(mean(x²) + eps) * weight` for each row of `rows`, `[rows, k]`.
pub fn norm_rows(cpu: &Cpu, norm: RowNorm<'_>, rows: &mut [f32]) {
    let k = norm.weight.len();
    assert!(rows.len().is_multiple_of(k), "whole rows of {k}, not {} values", rows.len());
    for row in rows.chunks_exact_mut(k) {
        cpu.isa().run(NormRow { row, norm });
    }
}
