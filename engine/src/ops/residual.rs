//! What a layer adds to the residual stream, where a norm comes between.

use super::WORTH_SHARING;
use crate::cpu::Cpu;
use crate::kernels::cpu::norm_row::{NormRow, RowNorm};

/// Norms the rows `[rows, k]` in place and adds them to the stream `[rows, k]`.
pub fn add_normed(cpu: &Cpu, norm: RowNorm<'_>, rows: &mut [f32], stream: &mut [f32]) {
    let k = norm.weight.len();
    assert!(rows.len() == stream.len() && rows.len().is_multiple_of(k), "whole rows of {k} for each of the stream");
    let shared = rows.len() >= WORTH_SHARING;
    let pairs = rows.chunks_exact_mut(k).zip(stream.chunks_exact_mut(k));
    let add = |(row, stream): (&mut [f32], &mut [f32])| {
        cpu.isa().run(NormRow { row, norm });
        for (sum, value) in stream.iter_mut().zip(&*row) {
            *sum += *value;
        }
    };
    if shared { cpu.pool().for_each(pairs, add) } else { pairs.for_each(add) }
}
