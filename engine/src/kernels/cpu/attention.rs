//! Attention of a tile of query rows over one sequence's blocks.
//!
//! Order of additions: positions fall into partitions of 256 counted from 0. In a partition: scores (one chain over the
//! head's elements), their maximum, exponentials, a sum in 16 lanes and one tree, then weights times values in order of
//! position. Partitions are merged in order. A row's numbers follow from its position alone, and from the sequence's length
//! if it sees ahead: not from the other rows of its tile, the block size, or the order of the block table. Nothing
//! behind what a row sees enters its chains.

use std::array::{from_mut, from_ref};
use std::ops::Range;

use half::f16;
use scheduler::BlockId;

use super::attention_scratch::{AttentionScratch, clear, of_rows};
use super::fill_tile::{bits, line_at};
use super::float_tile::tile;
use super::kv_element::{GROUP, KvElement};
use super::score_rule::{ScoreRule, Seen};
use super::simd::{FETCH_AHEAD_BYTES, Kernel, LANES, Simd};
use super::softmax::{HeadRow, PARTITION, Running, SoftmaxSum, Weights, softmax};
use super::tile::with_height;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kv_cache::{KvHead, MAX_GROUPS, MAX_HEAD_DIM};

/// Some tokens of one sequence, some heads that share one key and value head.
#[derive(Debug)]
pub struct AttentionTile<'a, E> {
    /// Keys and values of the head.
    pub kv: KvHead<'a, E>,
    /// The sequence's blocks in order.
    pub blocks: &'a [BlockId],
    /// Position of the first token.
    pub start: usize,
    /// The end of what the last token sees.
    pub end: usize,
    /// From the first token's first query head on.
    pub queries: &'a [f32],
    /// Distance of two tokens in `queries`.
    pub query_stride: usize,
    /// The model's rule for scores.
    pub rule: ScoreRule<'a>,
    /// Which of the model's heads is the first.
    pub first_head: usize,
    /// `[tokens, heads * head_dim]`; tokens times heads is at most the tile height of the instruction set.
    pub out: ColumnsMut<'a>,
}

/// A tile, and where it is computed.
#[derive(Debug)]
pub struct Attend<'a, 's, E> {
    /// What to compute.
    pub tile: AttentionTile<'a, E>,
    /// What a tile before left there does not matter.
    pub scratch: &'s mut AttentionScratch,
}

/// Bits of R rows: sixteen elements of each, then the next sixteen; zeros behind the end.
type Queries<const R: usize> = [[[u32; LANES]; R]];

/// Keys of 16 positions: `[head_dim]` lines; their scales, if they have any, `[groups]` lines.
type KeyTile<'a, E> = (&'a [[E; LANES]], &'a [[f16; LANES]]);

impl<E: KvElement> Kernel for Attend<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { tile, scratch } = self;
        with_height!(tile.out.rows() * tile.heads(), S::TILE_ROWS, R => tile.attend::<S, R>(simd, scratch));
    }
}

impl<E: KvElement> AttentionTile<'_, E> {
    fn head_dim(&self) -> usize {
        self.kv.geometry().head_dim
    }

    fn heads(&self) -> usize {
        self.out.columns() / self.head_dim()
    }

    /// Rows are token by token, head by head.
    #[inline(always)]
    fn attend<S: Simd, const R: usize>(mut self, simd: S, scratch: &mut AttentionScratch) {
        let (heads, width) = (self.heads(), self.head_dim());
        let lines = width.div_ceil(LANES);
        let queries = &mut scratch.queries.as_chunks_mut().0.as_chunks_mut::<R>().0[..lines];
        self.scale_queries(simd, queries);
        let (weights, values, rows) =
            (of_rows(&mut scratch.weights), of_rows(&mut scratch.values), of_rows::<_, R>(&mut scratch.rows));
        let mut relative_to = [SoftmaxSum::EMPTY; R];
        clear(rows, lines);
        let end = self.end;
        let first_seen = self.rule.seen(self.start, end).start;
        for first in (first_seen / PARTITION * PARTITION..end).step_by(PARTITION) {
            self.scores(simd, queries, first..end.min(first + PARTITION), weights);
            let (mut seen, mut sums) = ([Seen::nothing(first); R], [SoftmaxSum::EMPTY; R]);
            for row in 0..R {
                let position = self.start + row / heads;
                seen[row] = self.rule.seen(position, end).within(first..first + PARTITION);
                let head = self.first_head + row % heads;
                self.rule.adjust(simd, (position, head), (first, seen[row]), &mut weights[row]);
                sums[row] = softmax(simd, &mut weights[row], seen[row].start - first..seen[row].end - first);
            }
            clear(values, lines);
            self.add_weighted_values(simd, weights, &seen, values);
            for row in (0..R).filter(|row| !seen[*row].is_empty()) {
                let running = Running { weights: &mut relative_to[row], values: &mut rows[row] };
                running.merge(simd, sums[row], &values[row][..lines]);
            }
        }
        for (row, (weights, values)) in relative_to.iter_mut().zip(rows).enumerate() {
            let out = &mut self.out.row_mut(row / heads)[row % heads * width..][..width];
            Running { weights, values }.finish(simd, out);
        }
    }

    /// Writes them sixteen elements of each row at a time, scaled.
    #[inline(always)]
    fn scale_queries<S: Simd, const R: usize>(&self, simd: S, queries: &mut Queries<R>) {
        let (heads, width) = (self.heads(), self.head_dim());
        for row in 0..R {
            let elements = &self.queries[row / heads * self.query_stride + row % heads * width..][..width];
            for (index, rows) in queries.iter_mut().enumerate() {
                let mut scaled = [0.0; LANES];
                simd.store(simd.mul(line_at(simd, elements, index), simd.splat(self.rule.scale)), &mut scaled);
                rows[row] = bits(scaled);
            }
        }
    }

    /// Scores of all rows with all positions, garbage behind the last one of the sequence.
    #[inline(always)]
    fn scores<S: Simd, const R: usize>(
        &self,
        simd: S,
        queries: &Queries<R>,
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
        queries: &Queries<R>,
        first: usize,
    ) -> [[S::Vector; R]; P] {
        let last = self.blocks.len() * (self.kv.geometry().block_size / LANES) - 1;
        let (mut keys, mut ahead) = ([([].as_slice(), [].as_slice()); P], [std::ptr::null(); P]);
        for tile in 0..P {
            keys[tile] = self.keys(first + tile);
            ahead[tile] = self.keys(last.min(first + P + tile)).0.as_ptr();
        }
        scores_of(simd, keys, ahead, queries)
    }

    /// Keys of 16 positions.
    #[inline(always)]
    fn keys(&self, tile: usize) -> KeyTile<'_, E> {
        let tiles = self.kv.geometry().block_size / LANES;
        let (block, tile) = (self.blocks[tile / tiles], tile % tiles);
        (self.kv.keys(block, tile).as_chunks().0, self.kv.key_scales(block, tile).as_chunks().0)
    }

    /// As [`Self::scores`] where a block is smaller than a tile: keys are put side by side first.
    #[inline(always)]
    fn gathered_scores<S: Simd, const R: usize>(
        &self,
        simd: S,
        queries: &Queries<R>,
        positions: Range<usize>,
        scores: &mut [Weights; R],
    ) {
        let block_size = self.kv.geometry().block_size;
        let mut keys = [[E::default(); LANES]; MAX_HEAD_DIM];
        let mut scales = [[f16::ZERO; LANES]; MAX_GROUPS];
        let keys = &mut keys[..self.head_dim()];
        for (index, first) in positions.clone().step_by(LANES).enumerate() {
            for position in (first..positions.end.min(first + LANES)).step_by(block_size) {
                let (block, place) = (self.blocks[position / block_size], position - first);
                gather(keys, self.kv.keys(block, 0), (place, block_size));
                gather(&mut scales, self.kv.key_scales(block, 0), (place, block_size));
            }
            let ahead = [keys.as_ptr()];
            store_scores(simd, scores_of(simd, [(&*keys, &scales)], ahead, queries), index, scores);
        }
    }

    /// Adds weights times values of the positions that each row sees: what it sees before the others, what all see, its
    /// rest.
    #[inline(always)]
    fn add_weighted_values<S: Simd, const R: usize>(
        &self,
        simd: S,
        weights: &[Weights; R],
        seen: &[Seen; R],
        sums: &mut [HeadRow; R],
    ) {
        let end = seen[0].end;
        let start = seen[R - 1].start.min(end);
        for row in (0..R).filter(|row| seen[*row].start < start) {
            self.add_values(simd, from_ref(&weights[row]), seen[row].start..start, from_mut(&mut sums[row]));
        }
        self.add_values(simd, weights, start..end, sums);
        for row in (0..R).filter(|row| seen[*row].end > end) {
            let rest = seen[row].start.max(end)..seen[row].end;
            self.add_values(simd, from_ref(&weights[row]), rest, from_mut(&mut sums[row]));
        }
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
        let lines_each = self.kv.geometry().value_width() / LANES;
        let mut position = positions.start;
        while position < positions.end {
            let (values, scales) = self.values(position, positions.end);
            for (index, value) in values.chunks_exact(lines_each).enumerate() {
                let mut elements = [simd.splat(0.0); P];
                for column in 0..P {
                    let stored = &value[line + column];
                    simd.prefetch(stored.as_ptr().wrapping_byte_add(FETCH_AHEAD_BYTES));
                    elements[column] = E::load(simd, stored);
                    if E::HAS_SCALES {
                        let scale = scales[index * self.kv.geometry().groups() + (line + column) * LANES / GROUP];
                        elements[column] = simd.mul(elements[column], simd.splat(scale.to_f32()));
                    }
                }
                for row in 0..R {
                    let weight = simd.splat(weights[row][position % PARTITION]);
                    for column in 0..P {
                        totals[row][column] = simd.fma(weight, elements[column], totals[row][column]);
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

    /// Values from `position` on, as far as its block and `end` allow, and their scales, if they have any.
    #[inline(always)]
    fn values(&self, position: usize, end: usize) -> (&[[E; LANES]], &[f16]) {
        let geometry = self.kv.geometry();
        let (lines, groups) = (geometry.value_width() / LANES, if E::HAS_SCALES { geometry.groups() } else { 0 });
        let (block, offset) = (self.blocks[position / geometry.block_size], position % geometry.block_size);
        let last = offset + (geometry.block_size - offset).min(end - position);
        let values = &self.kv.values(block).as_chunks().0[offset * lines..last * lines];
        (values, &self.kv.value_scales(block)[offset * groups..last * groups])
    }
}

/// Products of all rows with P tiles of keys: one chain over the head's elements, or over its groups, each a chain.
#[inline(always)]
fn scores_of<S: Simd, E: KvElement, const R: usize, const P: usize>(
    simd: S,
    keys: [KeyTile<'_, E>; P],
    ahead: [*const [E; LANES]; P],
    queries: &Queries<R>,
) -> [[S::Vector; R]; P] {
    if !E::HAS_SCALES {
        return tile(simd, elements_from(keys, 0), ahead, queries);
    }
    let mut totals = [[simd.splat(0.0); R]; P];
    for (group, queries) in queries.chunks(GROUP / LANES).enumerate() {
        let mut ahead = ahead;
        for line in &mut ahead {
            *line = line.wrapping_add(group * GROUP);
        }
        let products = tile(simd, elements_from(keys, group * GROUP), ahead, queries);
        for panel in 0..P {
            let scale = simd.load_f16(&keys[panel].1[group]);
            for row in 0..R {
                totals[panel][row] = simd.fma(products[panel][row], scale, totals[panel][row]);
            }
        }
    }
    totals
}

/// The lines of keys from one element of the head on.
#[inline(always)]
fn elements_from<E, const P: usize>(keys: [KeyTile<'_, E>; P], first: usize) -> [&[[E; LANES]]; P] {
    let mut elements = [[].as_slice(); P];
    for (elements, (lines, _)) in elements.iter_mut().zip(keys) {
        *elements = &lines[first..];
    }
    elements
}

/// Copies a small block's lines of `block_size` positions to their place within lines of 16.
#[inline(always)]
fn gather<T: Copy>(lines: &mut [[T; LANES]], block: &[T], (place, block_size): (usize, usize)) {
    for (line, elements) in lines.iter_mut().zip(block.chunks_exact(block_size)) {
        line[place..][..block_size].copy_from_slice(elements);
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
