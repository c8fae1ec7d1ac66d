//! Over one row at a time: its root mean square, its mean and deviation, exponentials.
//!
//! Sums run in 16 lanes in order of the row and end in one fixed tree; a last part of fewer lanes is filled with zeros.

use super::simd::{Kernel, LANES, Simd};
use super::tile::Line;

/// `1.5 * 2^23`: adding it rounds to an integer, held in the low bits.
const ROUNDING: f32 = 12_582_912.0;
/// Below it `exp` would leave the normal floats: zero.
const EXP_LOW: f32 = -87.336_54;
/// Above it `exp` counts as here.
const EXP_HIGH: f32 = 88.0;
/// ln 2 in two parts: the first has few bits, so its multiples are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, highest power first (the polynomial of Cephes' `expf`).
const EXP_POLYNOMIAL: [f32; 6] =
    [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.500_000_06];

/// value * factor, rounded to the nearest integer, ties to even; for products below 2^22.
#[inline(always)]
pub(super) fn rounded<S: Simd>(simd: S, value: S::Vector, factor: S::Vector) -> S::Vector {
    let rounding = simd.splat(ROUNDING);
    simd.sub(simd.fma(value, factor, rounding), rounding)
}

/// |value|, of what is not a number either.
#[inline(always)]
pub(super) fn magnitude<S: Simd>(simd: S, value: S::Vector) -> S::Vector {
    simd.max(value, simd.sub(simd.splat(0.0), value))
}

/// e^x within 2 units in the last place; 0 below -87.3, e^88 above 88, NaN for NaN.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let clamped = simd.min(simd.splat(EXP_HIGH), simd.max(simd.splat(EXP_LOW), x));
    let rounding = simd.splat(ROUNDING);
    let shifted = simd.fma(clamped, simd.splat(std::f32::consts::LOG2_E), rounding);
    let n = simd.sub(shifted, rounding);
    let r = simd.fma(n, simd.splat(-LN_2_HIGH), clamped);
    let r = simd.fma(n, simd.splat(-LN_2_LOW), r);
    let mut polynomial = simd.splat(EXP_POLYNOMIAL[0]);
    for coefficient in &EXP_POLYNOMIAL[1..] {
        polynomial = simd.fma(polynomial, r, simd.splat(*coefficient));
    }
    let mantissa = simd.add(simd.fma(simd.mul(r, r), polynomial, r), simd.splat(1.0));
    simd.zero_below(x, simd.splat(EXP_LOW), simd.mul(mantissa, simd.power_of_two(shifted)))
}

/// The last lines of a row: 16 values, or fewer and `filler`.
#[inline(always)]
pub(crate) fn filled(rest: &[f32], filler: f32) -> Line {
    let mut lanes = [filler; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// Replaces each of `values` by what `map` makes of it; `map` sees `filler` where the last line has none.
#[inline(always)]
pub(super) fn map_in_place<S: Simd>(simd: S, values: &mut [f32], filler: f32, map: impl Fn(S::Vector) -> S::Vector) {
    let (lines, rest) = values.as_chunks_mut::<LANES>();
    for line in lines {
        simd.store(map(simd.load(line)), line);
    }
    let mut last = filled(rest, filler);
    simd.store(map(simd.load(&last)), &mut last);
    rest.copy_from_slice(&last[..rest.len()]);
}

/// `1 / sqrt(mean(x^2) + eps)`.
#[inline(always)]
pub(super) fn inverse_root_mean_square<S: Simd>(simd: S, x: &[f32], eps: f32) -> f32 {
    1.0 / (sum_of_squares(simd, x) / x.len() as f32 + eps).sqrt()
}

#[inline(always)]
fn sum_of_squares<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (lines, rest) = x.as_chunks::<LANES>();
    let mut sums = simd.splat(0.0);
    for line in lines {
        let values = simd.load(line);
        sums = simd.fma(values, values, sums);
    }
    let values = simd.load(&filled(rest, 0.0));
    simd.sum(simd.fma(values, values, sums))
}

/// The mean of `x`, and `1 / sqrt(mean((x - mean)^2) + eps)`.
#[inline(always)]
pub(super) fn mean_and_inverse_deviation<S: Simd>(simd: S, x: &[f32], eps: f32) -> (f32, f32) {
    let (lines, rest) = x.as_chunks::<LANES>();
    let mut sums = simd.splat(0.0);
    for line in lines {
        sums = simd.add(sums, simd.load(line));
    }
    let mean = simd.sum(simd.add(sums, simd.load(&filled(rest, 0.0)))) / x.len() as f32;
    let last = filled(rest, mean);
    let mut squares = simd.splat(0.0);
    for line in lines.iter().chain([&last]) {
        let distance = simd.sub(simd.load(line), simd.splat(mean));
        squares = simd.fma(distance, distance, squares);
    }
    (mean, 1.0 / (simd.sum(squares) / x.len() as f32 + eps).sqrt())
}

/// Greatest value, and sum of `e^(value - greatest)`.
#[derive(Debug)]
pub struct MaxAndExpSum<'a> {
    /// At least one value.
    pub values: &'a [f32],
}

impl Kernel for MaxAndExpSum<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let (lines, rest) = self.values.as_chunks::<LANES>();
        let last = filled(rest, f32::NEG_INFINITY);
        let mut greatest = simd.load(&last);
        for line in lines {
            greatest = simd.max(simd.load(line), greatest);
        }
        let greatest = simd.greatest(greatest);
        let shift = simd.splat(greatest);
        let mut sums = simd.splat(0.0);
        for line in lines.iter().chain([&last]) {
            sums = simd.add(sums, exp(simd, simd.sub(simd.load(line), shift)));
        }
        (greatest, simd.sum(sums))
    }
}
