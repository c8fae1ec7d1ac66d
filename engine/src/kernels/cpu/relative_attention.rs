//! Attention of one head over one whole sequence, whose scores know the distance of two tokens and whether they are of one
//! segment.
//!
//! `score(i, j) = scale * ((q[i] + content) k[j] + (q[i] + distance) r[i - j] + (q[i] + segment) s[same or other])`
//!
//! Order of additions: the first two products in 16 lanes over the head's elements, one behind the other, and one tree; then
//! the third, which has lanes and a tree of its own. Positions fall into partitions of 256 counted from 0: scores, softmax,
//! then weights times values in order of position; partitions are merged in order. A row's numbers follow from its sequence
//! alone.

use std::ops::Range;

use super::elementwise::filled;
use super::simd::{Kernel, LANES, Simd};
use super::softmax::{HeadRow, NO_VALUES, PARTITION, Running, SoftmaxSum, Weights, softmax};
use super::tile::Line;
use crate::kernels::columns_mut::ColumnsMut;

/// What a layer adds to queries, and its vectors of segments, for all heads `[width]`.
#[derive(Clone, Copy, Debug)]
pub struct RelativeTerms<'a> {
    /// Added to queries that meet keys.
    pub content: &'a [f32],
    /// Added to queries that meet keys of distances.
    pub distance: &'a [f32],
    /// Added to queries that meet vectors of segments.
    pub segment: &'a [f32],
    /// `[2, width]`: the vector of a key of the query's segment, and of another's.
    pub segments: &'a [f32],
}

/// A sequence, and a head of it.
#[derive(Debug)]
pub struct RelativeHead<'a> {
    /// `[tokens, 3 * width]`: queries, keys and values of all heads.
    pub qkv: &'a [f32],
    /// `[distances, width]`: keys of the distances 0, 1, -1, 2, -2 and so on of a query behind a key; where two tokens are
    /// farther apart, the last ones count.
    pub distances: &'a [f32],
    /// `[tokens]`
    pub segments: &'a [u8],
    /// The layer's.
    pub terms: RelativeTerms<'a>,
    /// Factor of the scores.
    pub scale: f32,
    /// First column of the head.
    pub first: usize,
    /// `[tokens, head_dim]`
    pub out: ColumnsMut<'a>,
}

/// What the keys of a row meet, scaled.
struct Query {
    content: HeadRow,
    distance: HeadRow,
    /// Of keys of its own segment, of others.
    of_segment: [f32; 2],
}

/// Which third of a row.
#[derive(Clone, Copy)]
enum Third {
    Query,
    Key,
    Value,
}

impl Kernel for RelativeHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in 0..self.segments.len() {
            self.attend(simd, row);
        }
    }
}

impl RelativeHead<'_> {
    #[inline(always)]
    fn attend<S: Simd>(&mut self, simd: S, row: usize) {
        let (tokens, lines) = (self.segments.len(), self.out.columns().div_ceil(LANES));
        let query = self.query(simd, row);
        let (mut relative_to, mut sums) = (SoftmaxSum::EMPTY, NO_VALUES);
        for first in (0..tokens).step_by(PARTITION) {
            let keys = first..tokens.min(first + PARTITION);
            let (mut weights, mut values) = ([0.0; PARTITION], NO_VALUES);
            self.scores(simd, (row, &query), keys.clone(), &mut weights);
            let sum = softmax(simd, &mut weights, 0..keys.len());
            self.add_values(simd, &weights, keys, &mut values[..lines]);
            let running = Running { weights: &mut relative_to, values: &mut sums };
            running.merge(simd, sum, &values[..lines]);
        }
        Running { weights: &mut relative_to, values: &mut sums }.finish(simd, self.out.row_mut(row));
    }

    #[inline(always)]
    fn query<S: Simd>(&self, simd: S, row: usize) -> Query {
        let RelativeTerms { content, distance, segment, segments } = self.terms;
        let segment = self.biased(row, segment);
        let mut of_segment = [0.0; 2];
        for other in 0..2 {
            let vector = self.of_head(segments, other);
            of_segment[other] = simd.sum(add_products(simd, &segment, vector, simd.splat(0.0)));
        }
        Query { content: self.biased(row, content), distance: self.biased(row, distance), of_segment }
    }

    /// The row's query with one of the layer's vectors added, scaled.
    #[inline(always)]
    fn biased(&self, row: usize, bias: &[f32]) -> HeadRow {
        let mut lines = NO_VALUES;
        let (query, bias) = (self.part(row, Third::Query), self.of_head(bias, 0));
        for ((value, query), bias) in lines.as_flattened_mut().iter_mut().zip(query).zip(bias) {
            *value = (query + bias) * self.scale;
        }
        lines
    }

    /// Scores with these keys, garbage behind the last one.
    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, (row, query): (usize, &Query), keys: Range<usize>, scores: &mut Weights) {
        let lines = scores.as_chunks_mut::<LANES>().0;
        for (line, first) in lines.iter_mut().zip(keys.clone().step_by(LANES)) {
            let (mut products, mut of_segments) = ([simd.splat(0.0); LANES], [0.0; LANES]);
            for lane in 0..LANES.min(keys.end - first) {
                let key = first + lane;
                let product = add_products(simd, &query.content, self.part(key, Third::Key), simd.splat(0.0));
                products[lane] = add_products(simd, &query.distance, self.distance(row, key), product);
                of_segments[lane] = query.of_segment[usize::from(self.segments[row] != self.segments[key])];
            }
            simd.store(simd.add(simd.sums(&products), simd.load(&of_segments)), line);
        }
    }

    /// Adds weights times values of these positions, in their order.
    #[inline(always)]
    fn add_values<S: Simd>(&self, simd: S, weights: &Weights, positions: Range<usize>, sums: &mut [Line]) {
        let width = self.out.columns();
        for (line, sum) in sums.iter_mut().enumerate() {
            let columns = line * LANES..width.min((line + 1) * LANES);
            let mut total = simd.load(sum);
            for (position, weight) in positions.clone().zip(weights) {
                let value = load_part(simd, &self.part(position, Third::Value)[columns.clone()]);
                total = simd.fma(simd.splat(*weight), value, total);
            }
            simd.store(total, sum);
        }
    }

    /// The key of the distance between two tokens.
    #[inline(always)]
    fn distance(&self, query: usize, key: usize) -> &[f32] {
        let reach = self.distances.len() / self.terms.content.len() / 2;
        let distance = query.abs_diff(key).min(reach);
        self.of_head(self.distances, (2 * distance).saturating_sub(usize::from(query > key)))
    }

    /// The head's part of a token.
    #[inline(always)]
    fn part(&self, row: usize, third: Third) -> &[f32] {
        self.of_head(self.qkv, 3 * row + third as usize)
    }

    /// The head's part of a row of `rows`, which are as wide as all heads.
    #[inline(always)]
    fn of_head<'a>(&self, rows: &'a [f32], row: usize) -> &'a [f32] {
        &rows[row * self.terms.content.len() + self.first..][..self.out.columns()]
    }
}

/// Adds the products of the numbers of `lines` and `values`, lane by lane.
#[inline(always)]
fn add_products<S: Simd>(simd: S, lines: &HeadRow, values: &[f32], mut sums: S::Vector) -> S::Vector {
    for (line, values) in lines.iter().zip(values.chunks(LANES)) {
        sums = simd.fma(simd.load(line), load_part(simd, values), sums);
    }
    sums
}

/// A line, or the last part of a head, and zeros.
#[inline(always)]
fn load_part<S: Simd>(simd: S, values: &[f32]) -> S::Vector {
    match values.first_chunk() {
        Some(line) => simd.load(line),
        None => simd.load(&filled(values, 0.0)),
    }
}
