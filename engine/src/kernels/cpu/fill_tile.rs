//! Rows of f32 become a tile of activations, normed on the way where a norm comes first.
//!
//! A row's words depend on that row alone. A number that is not finite makes its block's scale not finite, so that it
//! is not lost in rounding.

use std::ops::Range;

use super::elementwise::{filled, inverse_root_mean_square, rounded};
use super::simd::{Kernel, LANES, Simd};
use super::tile::Line;
use crate::kernels::tiled_rows::{RowFormat, RowPlace};

/// Largest magnitude of a quant.
const MOST: f32 = 127.0;
/// A power of two above twice the magnitude of the sum of half a block: that sum times this, plus the other half's, is
/// exact in an f32.
const ABOVE_HALF: f32 = 4096.0;
/// Blocks whose numbers are all smaller are zero: 127 divided by them might not be a number.
const TINY: f32 = 1e-30;

/// The norm that rows go through first: x / sqrt(mean(x^2) + eps) * weight.
#[derive(Clone, Copy, Debug)]
pub struct RowNorm<'a> {
    /// `[k]`
    pub weight: &'a [f32],
    /// Added to the mean.
    pub eps: f32,
}

/// Fills some blocks of one tile.
#[derive(Debug)]
pub struct FillTile<'a> {
    /// `[rows, k]`
    pub rows: &'a [f32],
    /// Numbers of a row.
    pub k: usize,
    /// The norm before, if any.
    pub norm: Option<RowNorm<'a>>,
    /// What the tile holds.
    pub format: RowFormat,
    /// Blocks of 32 inputs to fill.
    pub blocks: Range<usize>,
    /// The words of their numbers.
    pub numbers: &'a mut [u32],
    /// The words of their factors.
    pub factors: &'a mut [u32],
}

impl Kernel for FillTile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.rows.len() / self.k;
        for (index, row) in self.rows.chunks_exact(self.k).enumerate() {
            let place = RowPlace { rows, row: index, numbers: &mut *self.numbers, factors: &mut *self.factors };
            let source = Source {
                row,
                norm: self.norm.map(|norm| (norm.weight, inverse_root_mean_square(simd, row, norm.eps))),
                blocks: self.blocks.clone(),
            };
            match self.format {
                RowFormat::Quants => fill_quants(simd, &source, place),
                RowFormat::Floats => fill_floats(simd, &source, place),
                RowFormat::Bf16 => fill_bf16(simd, &source, place),
            }
        }
    }
}

/// Blocks of one row, and what its numbers are multiplied with.
struct Source<'a> {
    row: &'a [f32],
    /// Weights, and one factor for all.
    norm: Option<(&'a [f32], f32)>,
    blocks: Range<usize>,
}

impl Source<'_> {
    /// The two halves of a block.
    #[inline(always)]
    fn block<S: Simd>(&self, simd: S, block: usize) -> [S::Vector; 2] {
        [self.line(simd, 2 * block), self.line(simd, 2 * block + 1)]
    }

    /// Sixteen numbers; zeros behind the end.
    #[inline(always)]
    fn line<S: Simd>(&self, simd: S, index: usize) -> S::Vector {
        let x = line_at(simd, self.row, index);
        match self.norm {
            None => x,
            Some((weight, inverse)) => simd.mul(simd.mul(x, simd.splat(inverse)), line_at(simd, weight, index)),
        }
    }
}

#[inline(always)]
fn line_at<S: Simd>(simd: S, values: &[f32], index: usize) -> S::Vector {
    let (whole, rest) = values.as_chunks::<LANES>();
    match whole.get(index) {
        Some(line) => simd.load(line),
        None if index == whole.len() => simd.load(&filled(rest, 0.0)),
        None => simd.splat(0.0),
    }
}

#[inline(always)]
fn fill_quants<S: Simd>(simd: S, source: &Source<'_>, mut place: RowPlace<'_>) {
    for (block, mut place) in source.blocks.clone().zip(place.blocks()) {
        let values = source.block(simd, block);
        let negated = values.map(|value| simd.sub(simd.splat(0.0), value));
        let greatest = simd.greatest(simd.max(simd.max(values[0], negated[0]), simd.max(values[1], negated[1])));
        let inverse = simd.splat(if greatest > TINY { MOST / greatest } else { 0.0 });
        let [low, high] = values.map(|value| rounded(simd, value, inverse));
        let mut quants = [[0; LANES]; 2];
        simd.store_i8(low, &mut quants[0]);
        simd.store_i8(high, &mut quants[1]);
        // Exact; NaN if a number is not finite.
        let both = simd.sum(simd.fma(high, simd.splat(ABOVE_HALF), low));
        let scale = greatest.max(0.0) / MOST + both * 0.0;
        place.write(&quants, scale, halves(both));
    }
}

/// The two sums that `low + high * ABOVE_HALF` holds.
#[inline(always)]
fn halves(both: f32) -> [i32; 2] {
    const WIDTH: i32 = ABOVE_HALF as i32;
    let both = both as i32;
    let low = (both.wrapping_add(WIDTH / 2) & (WIDTH - 1)).wrapping_sub(WIDTH / 2);
    [low, both.wrapping_sub(low) >> WIDTH.trailing_zeros()]
}

#[inline(always)]
fn fill_floats<S: Simd>(simd: S, source: &Source<'_>, mut place: RowPlace<'_>) {
    let mut words = place.floats();
    for block in source.blocks.clone() {
        for half in source.block(simd, block) {
            let mut line: Line = [0.0; LANES];
            simd.store(half, &mut line);
            for (value, word) in line.iter().zip(words.by_ref()) {
                *word = value.to_bits();
            }
        }
    }
}

#[inline(always)]
fn fill_bf16<S: Simd>(simd: S, source: &Source<'_>, mut place: RowPlace<'_>) {
    for (block, words) in source.blocks.clone().zip(place.pairs()) {
        for (half, words) in source.block(simd, block).into_iter().zip(words.as_chunks_mut().0) {
            simd.store_bf16(half, words);
        }
    }
}
