//! Kernels over one row at a time: RMS norm, gated activation, exponentials.
//!
//! Sums run in 16 lanes in order of the row and end in one fixed tree; a last part of fewer lanes is filled with zeros.

use super::matmul::Line;
use super::simd::{Kernel, LANES, Simd, tree_max, tree_sum};

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
fn filled(rest: &[f32], filler: f32) -> Line {
    let mut lanes = [filler; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// `out = x / sqrt(mean(x^2) + eps) * weight`, row by row.
#[derive(Debug)]
pub struct RmsNorm<'a> {
    /// `[rows, width]`.
    pub x: &'a [f32],
    /// `[width]`.
    pub weight: &'a [f32],
    /// Added to the mean.
    pub eps: f32,
    /// `[rows, width]`.
    pub out: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.weight.len();
        for (x, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let mean = sum_of_squares(simd, x) / width as f32;
            let scaled = Scaled { inverse: 1.0 / (mean + self.eps).sqrt() };
            map_two(simd, [x, self.weight], out, &scaled);
        }
    }
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
    tree_sum(simd, simd.fma(values, values, sums))
}

/// One vector from two. A method, because closures are not compiled for the kernel's instruction set.
trait OfTwo {
    fn of<S: Simd>(&self, simd: S, a: S::Vector, b: S::Vector) -> S::Vector;
}

/// `out = of(a, b)`, sixteen at a time.
#[inline(always)]
fn map_two<S: Simd>(simd: S, inputs: [&[f32]; 2], out: &mut [f32], function: &impl OfTwo) {
    let [(a, a_rest), (b, b_rest)] = inputs.map(|input| input.as_chunks::<LANES>());
    let (lines, rest) = out.as_chunks_mut::<LANES>();
    for ((a, b), out) in a.iter().zip(b).zip(lines) {
        simd.store(function.of(simd, simd.load(a), simd.load(b)), out);
    }
    if !rest.is_empty() {
        let (a, b) = (filled(a_rest, 0.0), filled(b_rest, 0.0));
        let mut lanes = [0.0; LANES];
        simd.store(function.of(simd, simd.load(&a), simd.load(&b)), &mut lanes);
        rest.copy_from_slice(&lanes[..rest.len()]);
    }
}

/// `x * inverse * weight`.
struct Scaled {
    inverse: f32,
}

impl OfTwo for Scaled {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, x: S::Vector, weight: S::Vector) -> S::Vector {
        simd.mul(simd.mul(x, simd.splat(self.inverse)), weight)
    }
}

/// `gate / (1 + e^-gate) * up`.
struct Gated;

impl OfTwo for Gated {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, gate: S::Vector, up: S::Vector) -> S::Vector {
        let denominator = simd.add(simd.splat(1.0), exp(simd, simd.sub(simd.splat(0.0), gate)));
        simd.mul(simd.div(gate, denominator), up)
    }
}

/// `out = gate / (1 + e^-gate) * up`, row by row.
#[derive(Debug)]
pub struct Swiglu<'a> {
    /// `[rows, 2 * width]`: a row's gates, then its ups.
    pub gate_up: &'a [f32],
    /// Width of `out`.
    pub width: usize,
    /// `[rows, width]`.
    pub out: &'a mut [f32],
}

impl Kernel for Swiglu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.gate_up.chunks_exact(2 * self.width).zip(self.out.chunks_exact_mut(self.width));
        for (gate_up, out) in rows {
            let (gate, up) = gate_up.split_at(self.width);
            map_two(simd, [gate, up], out, &Gated);
        }
    }
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
        let greatest = tree_max(simd, greatest);
        let shift = simd.splat(greatest);
        let mut sums = simd.splat(0.0);
        for line in lines.iter().chain([&last]) {
            sums = simd.add(sums, exp(simd, simd.sub(simd.load(line), shift)));
        }
        (greatest, tree_sum(simd, sums))
    }
}
