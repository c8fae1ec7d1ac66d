//! Attention of one head over one whole sequence, by scores that a kernel of its own makes.
//!
//! Positions fall into partitions of 256 counted from 0: scores, softmax, then weights times values in order of position;
//! partitions are merged in order. A row's numbers follow from its sequence alone.

use std::ops::Range;

use super::elementwise::filled;
use super::simd::{LANES, Simd};
use super::softmax::{HeadRow, NO_VALUES, PARTITION, Running, SoftmaxSum, Weights, softmax};
use super::tile::Line;
use crate::kernels::columns_mut::ColumnsMut;

/// A sequence, and a head of it.
#[derive(Clone, Copy, Debug)]
pub struct WholeHead<'a> {
    /// `[tokens, 3 * width]`: queries, keys and values of all heads.
    pub qkv: &'a [f32],
    /// Columns of all heads.
    pub width: usize,
    /// First column of the head.
    pub first: usize,
    /// Its columns.
    pub head_dim: usize,
}

/// Which third of a row.
#[derive(Clone, Copy)]
pub(super) enum Third {
    Query,
    Key,
    Value,
}

/// How a kernel makes scores. Implementations are `#[inline(always)]`.
pub(super) trait Scores {
    /// What keys meet.
    type Query;

    /// That of a row.
    fn query<S: Simd>(&self, simd: S, row: usize) -> Self::Query;

    /// Scores of a row with these keys, garbage behind the last one.
    fn scores<S: Simd>(&self, simd: S, row: (usize, &Self::Query), keys: Range<usize>, scores: &mut Weights);
}

impl WholeHead<'_> {
    /// Fills `out`, `[tokens, head_dim]`.
    #[inline(always)]
    pub(super) fn attend<S: Simd>(&self, simd: S, rule: &impl Scores, out: &mut ColumnsMut<'_>) {
        for row in 0..self.tokens() {
            self.attend_row(simd, rule, row, out.row_mut(row));
        }
    }

    #[inline(always)]
    fn attend_row<S: Simd>(&self, simd: S, rule: &impl Scores, row: usize, out: &mut [f32]) {
        let (tokens, lines) = (self.tokens(), self.head_dim.div_ceil(LANES));
        let query = rule.query(simd, row);
        let (mut relative_to, mut sums) = (SoftmaxSum::EMPTY, NO_VALUES);
        for first in (0..tokens).step_by(PARTITION) {
            let keys = first..tokens.min(first + PARTITION);
            let (mut weights, mut values) = ([0.0; PARTITION], NO_VALUES);
            rule.scores(simd, (row, &query), keys.clone(), &mut weights);
            let sum = softmax(simd, &mut weights, 0..keys.len());
            self.add_values(simd, &weights, keys, &mut values[..lines]);
            let running = Running { weights: &mut relative_to, values: &mut sums };
            running.merge(simd, sum, &values[..lines]);
        }
        Running { weights: &mut relative_to, values: &mut sums }.finish(simd, out);
    }

    /// Adds weights times values of these positions, in their order.
    #[inline(always)]
    fn add_values<S: Simd>(&self, simd: S, weights: &Weights, positions: Range<usize>, sums: &mut [Line]) {
        for (line, sum) in sums.iter_mut().enumerate() {
            let columns = line * LANES..self.head_dim.min((line + 1) * LANES);
            let mut total = simd.load(sum);
            for (position, weight) in positions.clone().zip(weights) {
                let value = load_part(simd, &self.part(position, Third::Value)[columns.clone()]);
                total = simd.fma(simd.splat(*weight), value, total);
            }
            simd.store(total, sum);
        }
    }

    #[inline(always)]
    fn tokens(&self) -> usize {
        self.qkv.len() / self.width / 3
    }

    /// The head's part of a token.
    #[inline(always)]
    pub(super) fn part(&self, row: usize, third: Third) -> &[f32] {
        self.of_head(self.qkv, 3 * row + third as usize)
    }

    /// The head's part of a row of `rows`, which are as wide as all heads.
    #[inline(always)]
    pub(super) fn of_head<'b>(&self, rows: &'b [f32], row: usize) -> &'b [f32] {
        &rows[row * self.width + self.first..][..self.head_dim]
    }
}

/// Adds the products of the numbers of `lines` and `values`, lane by lane.
#[inline(always)]
pub(super) fn add_products<S: Simd>(simd: S, lines: &HeadRow, values: &[f32], mut sums: S::Vector) -> S::Vector {
    for (line, values) in lines.iter().zip(values.chunks(LANES)) {
        sums = simd.fma(simd.load(line), load_part(simd, values), sums);
    }
    sums
}

/// A line, or the last part of a head, and zeros.
#[inline(always)]
pub(super) fn load_part<S: Simd>(simd: S, values: &[f32]) -> S::Vector {
    match values.first_chunk() {
        Some(line) => simd.load(line),
        None => simd.load(&filled(values, 0.0)),
    }
}
