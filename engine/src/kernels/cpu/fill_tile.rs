//! Rows of f32 become a tile of activations, normed on the way where a norm comes first.
//!
//! A row's words depend on that row alone. A number that is not finite makes its block's scale not finite, so that it
//! is not lost in rounding.

use std::ops::Range;

use super::elementwise::{filled, magnitude, rounded};
use super::norm_row::{RowMoments, RowNorm};
use super::simd::{Kernel, LANES, Simd};
use super::tile::MAX_TILE_ROWS;
use crate::kernels::tiled_rows::{RowFormat, TilePlace};

/// Largest magnitude of a quant.
const MOST: f32 = 127.0;
/// A power of two above twice the magnitude of the sum of half a block: that sum times this, plus the other half's, is
/// exact in an f32.
const ABOVE_HALF: f32 = 4096.0;
/// Blocks whose numbers are all smaller are zero: 127 divided by them might not be a number.
const TINY: f32 = 1e-30;

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
        let mut moments = [RowMoments::NONE; MAX_TILE_ROWS];
        if let Some(norm) = self.norm {
            for (moments, row) in moments.iter_mut().zip(self.rows.chunks_exact(self.k)) {
                *moments = norm.moments(simd, row);
            }
        }
        let source = Source { rows: self.rows, k: self.k, norm: self.norm.map(|norm| (norm, moments)) };
        let place = TilePlace { rows: source.rows(), numbers: self.numbers, factors: self.factors };
        match self.format {
            RowFormat::Quants => fill_quants(simd, &source, self.blocks, place),
            RowFormat::Floats => fill_floats(simd, &source, self.blocks, place),
            RowFormat::Bf16 => fill_bf16(simd, &source, self.blocks, place),
        }
    }
}

/// Rows, and the norm that they go through.
struct Source<'a> {
    rows: &'a [f32],
    k: usize,
    /// And what it takes from each row.
    norm: Option<(RowNorm<'a>, [RowMoments; MAX_TILE_ROWS])>,
}

impl Source<'_> {
    fn rows(&self) -> usize {
        self.rows.len() / self.k
    }

    /// The two halves of a row's block.
    #[inline(always)]
    fn block<S: Simd>(&self, simd: S, row: usize, block: usize) -> [S::Vector; 2] {
        [self.line(simd, row, 2 * block), self.line(simd, row, 2 * block + 1)]
    }

    /// Sixteen numbers of a row; zeros behind the end.
    #[inline(always)]
    fn line<S: Simd>(&self, simd: S, row: usize, index: usize) -> S::Vector {
        let x = line_at(simd, &self.rows[row * self.k..][..self.k], index);
        let Some((norm, moments)) = &self.norm else { return x };
        let (weight, factor) = (line_at(simd, norm.weight, index), simd.splat(moments[row].factor));
        match norm.bias {
            None => simd.mul(simd.mul(x, factor), weight),
            Some(bias) => {
                let scaled = simd.mul(simd.sub(x, simd.splat(moments[row].shift)), factor);
                simd.fma(scaled, weight, line_at(simd, bias, index))
            }
        }
    }
}

/// Sixteen values of a row; zeros behind its end.
#[inline(always)]
pub(super) fn line_at<S: Simd>(simd: S, values: &[f32], index: usize) -> S::Vector {
    let (whole, rest) = values.as_chunks::<LANES>();
    match whole.get(index) {
        Some(line) => simd.load(line),
        None if index == whole.len() => simd.load(&filled(rest, 0.0)),
        None => simd.splat(0.0),
    }
}

/// A vector's worth of rows' blocks at a time, in the order in which they lie in the tile.
#[inline(always)]
fn fill_quants<S: Simd>(simd: S, source: &Source<'_>, blocks: Range<usize>, mut place: TilePlace<'_>) {
    let (rows, zero) = (place.rows, simd.splat(0.0));
    let (mut block, mut row) = (blocks.start, 0);
    for pairs in place.runs::<LANES>() {
        place.fetch_behind(simd, &pairs);
        let mut values = [[zero; 2]; LANES];
        let mut magnitudes = [zero; LANES];
        for lane in 0..pairs.len() {
            let [low, high] = source.block(simd, row, block);
            (block, row) = if row + 1 == rows { (block + 1, 0) } else { (block, row + 1) };
            values[lane] = [low, high];
            magnitudes[lane] = simd.max(magnitude(simd, low), magnitude(simd, high));
        }
        let greatest = simd.greatest_each(&magnitudes);
        let mut inverse = [0.0; LANES];
        simd.store(simd.zero_below(greatest, simd.splat(TINY), simd.div(simd.splat(MOST), greatest)), &mut inverse);
        let mut joined = [zero; LANES];
        for (lane, pair) in pairs.clone().enumerate() {
            let ([low, high], inverse) = (values[lane], simd.splat(inverse[lane]));
            let (low, high) = (rounded(simd, low, inverse), rounded(simd, high, inverse));
            let mut quants = [[0; LANES]; 2];
            simd.store_i8(low, &mut quants[0]);
            simd.store_i8(high, &mut quants[1]);
            place.write_quants(pair, &quants);
            joined[lane] = simd.fma(high, simd.splat(ABOVE_HALF), low);
        }
        // Exact; NaN if a number is not finite.
        let joined = simd.sums(&joined);
        let (mut scales, mut sums) = ([0.0; LANES], [0.0; LANES]);
        let nothing = simd.mul(joined, zero);
        simd.store(simd.add(simd.div(simd.max(greatest, zero), simd.splat(MOST)), nothing), &mut scales);
        simd.store(joined, &mut sums);
        let mut sums_of_halves = [[0; 2]; LANES];
        for (halves, both) in sums_of_halves.iter_mut().zip(sums) {
            *halves = halves_of(both);
        }
        place.write_factors(pairs, &scales, &sums_of_halves);
    }
}

/// The two sums that `low + high * ABOVE_HALF` holds.
#[inline(always)]
fn halves_of(both: f32) -> [i32; 2] {
    const WIDTH: i32 = ABOVE_HALF as i32;
    let both = both as i32;
    let low = (both.wrapping_add(WIDTH / 2) & (WIDTH - 1)).wrapping_sub(WIDTH / 2);
    [low, both.wrapping_sub(low) >> WIDTH.trailing_zeros()]
}

#[inline(always)]
fn fill_floats<S: Simd>(simd: S, source: &Source<'_>, blocks: Range<usize>, mut place: TilePlace<'_>) {
    for (line, words) in (2 * blocks.start..2 * blocks.end).zip(place.lines()) {
        for (row, words) in words.iter_mut().enumerate() {
            let mut numbers = [0.0; LANES];
            simd.store(source.line(simd, row, line), &mut numbers);
            *words = bits(numbers);
        }
    }
}

/// Words of a line.
#[inline(always)]
pub(super) fn bits(numbers: [f32; LANES]) -> [u32; LANES] {
    let mut words = [0; LANES];
    for (word, number) in words.iter_mut().zip(numbers) {
        *word = number.to_bits();
    }
    words
}

#[inline(always)]
fn fill_bf16<S: Simd>(simd: S, source: &Source<'_>, blocks: Range<usize>, mut place: TilePlace<'_>) {
    for (block, words) in blocks.zip(place.lines()) {
        for (row, words) in words.iter_mut().enumerate() {
            for (half, words) in source.block(simd, row, block).into_iter().zip(words.as_chunks_mut().0) {
                simd.store_bf16(half, words);
            }
        }
    }
}
