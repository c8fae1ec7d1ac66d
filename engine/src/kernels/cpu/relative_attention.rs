//! Attention of one head over one whole sequence, whose scores know the distance of two tokens and whether they are of one
//! segment.
//!
//! `score(i, j) = scale * ((q[i] + content) k[j] + (q[i] + distance) r[i - j] + (q[i] + segment) s[same or other])`
//!
//! Order of additions: the first two products in 16 lanes over the head's elements, one behind the other, and one tree; then
//! the third, which has lanes and a tree of its own. The rest is [`super::whole_head`]'s.

use std::ops::Range;

use super::simd::{Kernel, LANES, Simd};
use super::softmax::{HeadRow, NO_VALUES, Weights};
use super::whole_head::{Scores, Third, WholeHead, add_products};
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

/// What scores of a head are made of.
#[derive(Clone, Copy, Debug)]
pub struct RelativeScores<'a> {
    /// The sequence and the head.
    pub head: WholeHead<'a>,
    /// `[distances, width]`: keys of the distances 0, 1, -1, 2, -2 and so on of a query behind a key; where two tokens are
    /// farther apart, the last ones count.
    pub distances: &'a [f32],
    /// `[tokens]`
    pub segments: &'a [u8],
    /// The layer's.
    pub terms: RelativeTerms<'a>,
    /// Factor of the scores.
    pub scale: f32,
}

/// A head, and where it is computed.
#[derive(Debug)]
pub struct RelativeHead<'a> {
    /// What to compute.
    pub scores: RelativeScores<'a>,
    /// `[tokens, head_dim]`
    pub out: ColumnsMut<'a>,
}

/// What the keys of a row meet, scaled.
pub(super) struct Query {
    content: HeadRow,
    distance: HeadRow,
    /// Of keys of its own segment, of others.
    of_segment: [f32; 2],
}

impl Kernel for RelativeHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.scores.head.attend(simd, &self.scores, &mut self.out);
    }
}

impl Scores for RelativeScores<'_> {
    type Query = Query;

    #[inline(always)]
    fn query<S: Simd>(&self, simd: S, row: usize) -> Query {
        let RelativeTerms { content, distance, segment, segments } = self.terms;
        let segment = self.biased(row, segment);
        let mut of_segment = [0.0; 2];
        for other in 0..2 {
            let vector = self.head.of_head(segments, other);
            of_segment[other] = simd.sum(add_products(simd, &segment, vector, simd.splat(0.0)));
        }
        Query { content: self.biased(row, content), distance: self.biased(row, distance), of_segment }
    }

    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, (row, query): (usize, &Query), keys: Range<usize>, scores: &mut Weights) {
        let lines = scores.as_chunks_mut::<LANES>().0;
        for (line, first) in lines.iter_mut().zip(keys.clone().step_by(LANES)) {
            let (mut products, mut of_segments) = ([simd.splat(0.0); LANES], [0.0; LANES]);
            for lane in 0..LANES.min(keys.end - first) {
                let key = first + lane;
                let product = add_products(simd, &query.content, self.head.part(key, Third::Key), simd.splat(0.0));
                products[lane] = add_products(simd, &query.distance, self.distance(row, key), product);
                of_segments[lane] = query.of_segment[usize::from(self.segments[row] != self.segments[key])];
            }
            simd.store(simd.add(simd.sums(&products), simd.load(&of_segments)), line);
        }
    }
}

impl RelativeScores<'_> {
    /// The row's query with one of the layer's vectors added, scaled.
    #[inline(always)]
    fn biased(&self, row: usize, bias: &[f32]) -> HeadRow {
        let mut lines = NO_VALUES;
        let (query, bias) = (self.head.part(row, Third::Query), self.head.of_head(bias, 0));
        for ((value, query), bias) in lines.as_flattened_mut().iter_mut().zip(query).zip(bias) {
            *value = (query + bias) * self.scale;
        }
        lines
    }

    /// The key of the distance between two tokens.
    #[inline(always)]
    fn distance(&self, query: usize, key: usize) -> &[f32] {
        let reach = self.distances.len() / self.head.width / 2;
        let distance = query.abs_diff(key).min(reach);
        self.head.of_head(self.distances, (2 * distance).saturating_sub(usize::from(query > key)))
    }
}
