//! Causal attention of a tile of query rows over one sequence's blocks.
//!
//! Order of additions: positions fall into partitions of 256 counted from 0. In a partition: scores (one chain over the
//! head's elements), their maximum, exponentials, a sum in 16 lanes and one tree, then weights times values in order of
//! position. Partitions are merged in order. A row's numbers follow from its position alone: not from the other rows of
//! its tile, the block size, or the order of the block table. Nothing behind a row's own position enters its chains.

use std::array::{from_mut, from_ref};
use std::ops::Range;

use scheduler::BlockId;

use super::float_tile::tile;
use super::simd::{Kernel, LANES, Simd};
use super::softmax::{HEAD_LINES, HeadRow, PARTITION, Running, SoftmaxSum, Weights, softmax};
use super::tile::{Line, with_height};
use crate::kernels::columns_mut::ColumnsMut;
use crate::kv_cache::{KvHead, MAX_HEAD_DIM};

/// How far ahead of the multiplications values are fetched: 2 KiB.
const PREFETCH_FLOATS: usize = 512;

/// Some tokens of one sequence, some heads that share one key and value head.
#[derive(Debug)]
pub struct AttentionTile<'a> {
    /// Keys and values of the head.
    pub kv: KvHead<'a>,
    /// The sequence's blocks in order.
    pub blocks: &'a [BlockId],
    /// Position of the first token.
    pub start: usize,
    /// From the first token's first query head on.
    pub queries: &'a [f32],
    /// Distance of two tokens in `queries`.
    pub query_stride: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// `[tokens, heads * head_dim]`; tokens times heads is at most the tile height of the instruction set.
    pub out: ColumnsMut<'a>,
}

impl Kernel for AttentionTile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_height!(self.out.rows() * self.heads(), S::TILE_ROWS, R => self.attend::<S, R>(simd));
    }
}

impl AttentionTile<'_> {
    fn head_dim(&self) -> usize {
        self.kv.geometry().head_dim
    }

    fn heads(&self) -> usize {
        self.out.columns() / self.head_dim()
    }

    /// Rows are token by token, head by head.
    #[inline(always)]
    fn attend<S: Simd, const R: usize>(mut self, simd: S) {
        let queries = self.interleaved_queries::<R>();
        let queries = &queries[..self.head_dim()];
        let (heads, width) = (self.heads(), self.head_dim());
        let end = self.start + self.out.rows();
        let mut rows = [Running::START; R];
        let mut weights = [[0.0; PARTITION]; R];
        for first in (0..end).step_by(PARTITION) {
            self.scores(simd, queries, first..end.min(first + PARTITION), &mut weights);
            let (mut ends, mut sums) = ([first; R], [SoftmaxSum::EMPTY; R]);
            for row in 0..R {
                ends[row] = (self.start + row / heads + 1).clamp(first, first + PARTITION);
                sums[row] = softmax(simd, &mut weights[row], ends[row] - first);
            }
            let values = self.weighted_values(simd, &weights, first, &ends);
            for row in (0..R).filter(|row| ends[*row] > first) {
                rows[row].merge(simd, sums[row], &values[row][..width.div_ceil(LANES)]);
            }
        }
        for (row, running) in rows.iter().enumerate() {
            running.finish(simd, &mut self.out.row_mut(row / heads)[row % heads * width..][..width]);
        }
    }

    /// `[head_dim, rows]`, scaled.
    #[inline(always)]
    fn interleaved_queries<const R: usize>(&self) -> [[f32; R]; MAX_HEAD_DIM] {
        let (heads, width) = (self.heads(), self.head_dim());
        let mut queries = [[0.0; R]; MAX_HEAD_DIM];
        for row in 0..R {
            let query = &self.queries[row / heads * self.query_stride + row % heads * width..][..width];
            for (element, value) in queries.iter_mut().zip(query) {
                element[row] = value * self.scale;
            }
        }
        queries
    }

    /// Scores of all rows with all positions, garbage behind the last one of the sequence.
    #[inline(always)]
    fn scores<S: Simd, const R: usize>(
        &self,
        simd: S,
        queries: &[[f32; R]],
        positions: Range<usize>,
        scores: &mut [Weights; R],
    ) {
        if self.kv.geometry().block_size < LANES {
            return self.gathered_scores(simd, queries, positions, scores);
        }
        let tiles = positions.start / LANES..positions.end.div_ceil(LANES);
        let mut tile = tiles.start;
        while 4 * R <= S::ACCUMULATORS && tile + 4 <= tiles.end {
            store_scores(simd, self.tile_scores::<S, R, 4>(simd, queries, tile), tile - tiles.start, scores);
            tile += 4;
        }
        while 2 * R <= S::ACCUMULATORS && tile + 2 <= tiles.end {
            store_scores(simd, self.tile_scores::<S, R, 2>(simd, queries, tile), tile - tiles.start, scores);
            tile += 2;
        }
        for tile in tile..tiles.end {
            store_scores(simd, self.tile_scores::<S, R, 1>(simd, queries, tile), tile - tiles.start, scores);
        }
    }

    /// Scores with P tiles of keys, fetching the next P.
    #[inline(always)]
    fn tile_scores<S: Simd, const R: usize, const P: usize>(
        &self,
        simd: S,
        queries: &[[f32; R]],
        first: usize,
    ) -> [[S::Vector; R]; P] {
        let last = self.blocks.len() * (self.kv.geometry().block_size / LANES) - 1;
        let (mut keys, mut ahead) = ([[].as_slice(); P], [std::ptr::null(); P]);
        for tile in 0..P {
            keys[tile] = self.keys(first + tile);
            ahead[tile] = self.keys(last.min(first + P + tile)).as_ptr();
        }
        tile(simd, keys, ahead, queries)
    }

    /// Keys of 16 positions: `[head_dim]` lines.
    #[inline(always)]
    fn keys(&self, tile: usize) -> &[Line] {
        let tiles = self.kv.geometry().block_size / LANES;
        self.kv.keys(self.blocks[tile / tiles], tile % tiles).as_chunks().0
    }

    /// As [`Self::scores`] where a block is smaller than a tile: keys are put side by side first.
    #[inline(always)]
    fn gathered_scores<S: Simd, const R: usize>(
        &self,
        simd: S,
        queries: &[[f32; R]],
        positions: Range<usize>,
        scores: &mut [Weights; R],
    ) {
        let block_size = self.kv.geometry().block_size;
        let mut keys = [[0.0; LANES]; MAX_HEAD_DIM];
        let keys = &mut keys[..queries.len()];
        for (index, first) in positions.clone().step_by(LANES).enumerate() {
            for position in (first..positions.end.min(first + LANES)).step_by(block_size) {
                let block = self.kv.keys(self.blocks[position / block_size], 0);
                for (line, elements) in keys.iter_mut().zip(block.chunks_exact(block_size)) {
                    line[position - first..][..block_size].copy_from_slice(elements);
                }
            }
            let ahead = [keys.as_ptr()];
            store_scores(simd, tile(simd, [&*keys], ahead, queries), index, scores);
        }
    }

    /// Weights times values of each row's own positions, from `first` on: what all rows see, then each row's rest.
    #[inline(always)]
    fn weighted_values<S: Simd, const R: usize>(
        &self,
        simd: S,
        weights: &[Weights; R],
        first: usize,
        ends: &[usize; R],
    ) -> [HeadRow; R] {
        let mut sums = [[[0.0; LANES]; HEAD_LINES]; R];
        self.add_values(simd, weights, first..ends[0], &mut sums);
        for row in (0..R).filter(|row| ends[*row] > ends[0]) {
            self.add_values(simd, from_ref(&weights[row]), ends[0]..ends[row], from_mut(&mut sums[row]));
        }
        sums
    }

    /// Adds weights times values of `positions` to all rows, in order of position.
    #[inline(always)]
    fn add_values<S: Simd, const R: usize>(
        &self,
        simd: S,
        weights: &[Weights; R],
        positions: Range<usize>,
        sums: &mut [HeadRow; R],
    ) {
        let lines = self.kv.geometry().value_width() / LANES;
        let mut line = 0;
        while 4 * R <= S::ACCUMULATORS && line + 4 <= lines {
            self.add_columns::<S, R, 4>(simd, weights, positions.clone(), (line, sums));
            line += 4;
        }
        while 2 * R <= S::ACCUMULATORS && line + 2 <= lines {
            self.add_columns::<S, R, 2>(simd, weights, positions.clone(), (line, sums));
            line += 2;
        }
        for line in line..lines {
            self.add_columns::<S, R, 1>(simd, weights, positions.clone(), (line, sums));
        }
    }

    /// As [`Self::add_values`] for P lines of the head, from the given one on.
    #[inline(always)]
    fn add_columns<S: Simd, const R: usize, const P: usize>(
        &self,
        simd: S,
        weights: &[Weights; R],
        positions: Range<usize>,
        (line, sums): (usize, &mut [HeadRow; R]),
    ) {
        let mut totals = [[simd.splat(0.0); P]; R];
        for row in 0..R {
            for column in 0..P {
                totals[row][column] = simd.load(&sums[row][line + column]);
            }
        }
        let mut position = positions.start;
        while position < positions.end {
            let values = self.values(position, positions.end);
            for value in values.chunks_exact(self.kv.geometry().value_width() / LANES) {
                for column in 0..P {
                    let line = &value[line + column];
                    simd.prefetch(line.as_ptr().wrapping_add(PREFETCH_FLOATS));
                    let elements = simd.load(line);
                    for row in 0..R {
                        let weight = simd.splat(weights[row][position % PARTITION]);
                        totals[row][column] = simd.fma(weight, elements, totals[row][column]);
                    }
                }
                position += 1;
            }
        }
        for row in 0..R {
            for column in 0..P {
                simd.store(totals[row][column], &mut sums[row][line + column]);
            }
        }
    }

    /// Values from `position` on, as far as its block and `end` allow.
    #[inline(always)]
    fn values(&self, position: usize, end: usize) -> &[Line] {
        let (block_size, lines) = (self.kv.geometry().block_size, self.kv.geometry().value_width() / LANES);
        let (block, offset) = (position / block_size, position % block_size);
        let count = (block_size - offset).min(end - position);
        &self.kv.values(self.blocks[block]).as_chunks().0[offset * lines..(offset + count) * lines]
    }
}

#[inline(always)]
fn store_scores<S: Simd, const R: usize, const P: usize>(
    simd: S,
    vectors: [[S::Vector; R]; P],
    tile: usize,
    scores: &mut [Weights; R],
) {
    for row in 0..R {
        let lines = &mut scores[row].as_chunks_mut::<LANES>().0[tile..][..P];
        for column in 0..P {
            simd.store(vectors[column][row], &mut lines[column]);
        }
    }
}
