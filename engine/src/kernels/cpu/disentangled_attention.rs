//! Attention of one head over one whole sequence, whose scores are products of tokens, and of tokens and distances.
//!
//! `score(i, j) = scale * (q[i] k[j] + q[i] r[i - j] + p[i - j] k[j])`, r being keys of distances and p queries of them.
//!
//! Order of additions: the three products in 16 lanes over the head's elements, one behind the other, one tree, the factor.
//! The rest is [`super::whole_head`]'s.

use std::ops::Range;

use super::simd::{Kernel, LANES, Simd};
use super::softmax::{HeadRow, NO_VALUES, Weights};
use super::whole_head::{Scores, Third, WholeHead, add_products, load_part};
use crate::kernels::columns_mut::ColumnsMut;

/// What a layer knows of distances.
#[derive(Clone, Copy, Debug)]
pub struct DistanceVectors<'a> {
    /// `[rows, width]`: what queries meet.
    pub keys: &'a [f32],
    /// `[rows, width]`: what keys meet.
    pub queries: &'a [f32],
    /// The row of each distance of a query behind a key, in order: from a query far before its key to one far behind. There
    /// are as many on either side, and that of one place in the middle.
    pub places: &'a [u32],
}

/// What scores of a head are made of.
#[derive(Clone, Copy, Debug)]
pub struct DisentangledScores<'a> {
    /// The sequence and the head.
    pub head: WholeHead<'a>,
    /// The layer's.
    pub vectors: DistanceVectors<'a>,
    /// Factor of the scores.
    pub scale: f32,
}

/// A head, and where it is computed.
#[derive(Debug)]
pub struct DisentangledHead<'a> {
    /// What to compute.
    pub scores: DisentangledScores<'a>,
    /// `[tokens, head_dim]`
    pub out: ColumnsMut<'a>,
}

impl Kernel for DisentangledHead<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.scores.head.attend(simd, &self.scores, &mut self.out);
    }
}

impl Scores for DisentangledScores<'_> {
    type Query = HeadRow;

    #[inline(always)]
    fn query<S: Simd>(&self, _: S, row: usize) -> HeadRow {
        let mut lines = NO_VALUES;
        let query = self.head.part(row, Third::Query);
        lines.as_flattened_mut()[..query.len()].copy_from_slice(query);
        lines
    }

    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, (row, query): (usize, &HeadRow), keys: Range<usize>, scores: &mut Weights) {
        let lines = scores.as_chunks_mut::<LANES>().0;
        for (line, first) in lines.iter_mut().zip(keys.clone().step_by(LANES)) {
            let mut products = [simd.splat(0.0); LANES];
            for lane in 0..LANES.min(keys.end - first) {
                let (key, place) = (self.head.part(first + lane, Third::Key), self.place(row, first + lane));
                let product = add_products(simd, query, key, simd.splat(0.0));
                let of_distance = self.head.of_head(self.vectors.keys, place);
                let product = add_products(simd, query, of_distance, product);
                let of_distance = self.head.of_head(self.vectors.queries, place);
                products[lane] = add_part_products(simd, of_distance, key, product);
            }
            simd.store(simd.mul(simd.sums(&products), simd.splat(self.scale)), line);
        }
    }
}

impl DisentangledScores<'_> {
    /// The row of the distance between two tokens.
    #[inline(always)]
    fn place(&self, query: usize, key: usize) -> usize {
        self.vectors.places[self.vectors.places.len() / 2 + query - key] as usize
    }
}

/// Adds the products of the numbers of two heads, lane by lane.
#[inline(always)]
fn add_part_products<S: Simd>(simd: S, left: &[f32], right: &[f32], mut sums: S::Vector) -> S::Vector {
    for (left, right) in left.chunks(LANES).zip(right.chunks(LANES)) {
        sums = simd.fma(load_part(simd, left), load_part(simd, right), sums);
    }
    sums
}
