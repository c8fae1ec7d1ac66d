//! What attention needs beside its input and output: made once for each thread.

use super::simd::LANES;
use super::softmax::{HeadRow, NO_VALUES, PARTITION, Weights};
use super::tile::MAX_TILE_ROWS;
use crate::kv_cache::MAX_HEAD_DIM;

/// Room for the rows of one tile, kept from tile to tile: to clear all of it would cost more than a short attention.
#[derive(Debug)]
pub struct AttentionScratch {
    /// Bits of the scaled numbers, `[head_dim / 16, rows, 16]`, zeros behind the end.
    pub(super) queries: [u32; MAX_TILE_ROWS * MAX_HEAD_DIM],
    /// Scores, then weights, of a partition.
    pub(super) weights: [Weights; MAX_TILE_ROWS],
    /// Weights times values of a partition.
    pub(super) values: [HeadRow; MAX_TILE_ROWS],
    /// The same of all partitions before.
    pub(super) rows: [HeadRow; MAX_TILE_ROWS],
}

impl Default for AttentionScratch {
    fn default() -> Self {
        Self {
            queries: [0; MAX_TILE_ROWS * MAX_HEAD_DIM],
            weights: [[0.0; PARTITION]; MAX_TILE_ROWS],
            values: [NO_VALUES; MAX_TILE_ROWS],
            rows: [NO_VALUES; MAX_TILE_ROWS],
        }
    }
}

/// What belongs to the rows of a tile of R.
#[inline(always)]
pub(super) fn of_rows<T, const R: usize>(all: &mut [T; MAX_TILE_ROWS]) -> &mut [T; R] {
    all.first_chunk_mut().expect("no tile is higher")
}

/// Nothing in the lines that a head has.
#[inline(always)]
pub(super) fn clear(rows: &mut [HeadRow], lines: usize) {
    for row in rows {
        row[..lines].fill([0.0; LANES]);
    }
}
