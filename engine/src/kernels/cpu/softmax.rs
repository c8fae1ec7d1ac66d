//! Softmax of one row of scores in one partition, and the merge of partitions in order.

use std::ops::Range;

use super::elementwise::exp;
use super::simd::{LANES, Simd};
use super::tile::{Line, write};
use crate::kv_cache::MAX_HEAD_DIM;

/// Positions of a partition; partitions are counted from position 0.
pub const PARTITION: usize = 256;
/// Lines of the widest head.
pub(super) const HEAD_LINES: usize = MAX_HEAD_DIM / LANES;

/// Scores, then weights, of one row in one partition.
pub(super) type Weights = [f32; PARTITION];
/// One row of one head.
pub(super) type HeadRow = [Line; HEAD_LINES];
/// Before anything is added.
pub(super) const NO_VALUES: HeadRow = [[0.0; LANES]; HEAD_LINES];

/// What the weights of one row and partition are relative to.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoftmaxSum {
    greatest: f32,
    sum: f32,
}

impl SoftmaxSum {
    /// Of no positions.
    pub(super) const EMPTY: Self = Self { greatest: f32::NEG_INFINITY, sum: 0.0 };
}

/// Turns the scores of `seen` into `e^(score - greatest)`; what lies around them is ignored.
#[inline(always)]
pub(super) fn softmax<S: Simd>(simd: S, weights: &mut Weights, seen: Range<usize>) -> SoftmaxSum {
    if seen.is_empty() {
        return SoftmaxSum::EMPTY;
    }
    let lines = seen.start / LANES..seen.end.div_ceil(LANES);
    weights[lines.start * LANES..seen.start].fill(f32::NEG_INFINITY);
    weights[seen.end..lines.end * LANES].fill(f32::NEG_INFINITY);
    let lines = &mut weights.as_chunks_mut::<LANES>().0[lines];
    let mut greatest = simd.splat(f32::NEG_INFINITY);
    for line in lines.iter() {
        greatest = simd.max(simd.load(line), greatest);
    }
    let greatest = simd.greatest(greatest);
    let mut sum = simd.splat(0.0);
    for line in lines {
        let weight = exp(simd, simd.sub(simd.load(line), simd.splat(greatest)));
        sum = simd.add(sum, weight);
        simd.store(weight, line);
    }
    SoftmaxSum { greatest, sum: simd.sum(sum) }
}

/// One row's partitions so far: what their weights are relative to, and their sum of values.
#[derive(Debug)]
pub(super) struct Running<'a> {
    pub(super) weights: &'a mut SoftmaxSum,
    pub(super) values: &'a mut HeadRow,
}

impl Running<'_> {
    /// Adds the next partition.
    #[inline(always)]
    pub(super) fn merge<S: Simd>(self, simd: S, next: SoftmaxSum, values: &[Line]) {
        let (old, new) = (self.weights.greatest, next.greatest);
        let greatest = if old > new { old } else { new };
        let mut factors = [0.0; LANES];
        let mut differences = [0.0; LANES];
        (differences[0], differences[1]) = (old - greatest, new - greatest);
        simd.store(exp(simd, simd.load(&differences)), &mut factors);
        let [keep, add, ..] = factors;
        *self.weights = SoftmaxSum { greatest, sum: self.weights.sum.mul_add(keep, next.sum * add) };
        let (keep, add) = (simd.splat(keep), simd.splat(add));
        for (sum, value) in self.values.iter_mut().zip(values) {
            let scaled = simd.mul(simd.load(value), add);
            simd.store(simd.fma(simd.load(sum), keep, scaled), sum);
        }
    }

    /// Writes the row: values divided by the sum of weights.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(self, simd: S, out: &mut [f32]) {
        let sum = simd.splat(self.weights.sum);
        for (to, values) in out.chunks_mut(LANES).zip(self.values.iter()) {
            write(simd, simd.div(simd.load(values), sum), false, to);
        }
    }
}
