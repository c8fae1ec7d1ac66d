//! The error function over lanes: an odd rational function of its argument, held within 1.

use std::f32::consts::FRAC_2_SQRT_PI;

use super::simd::Simd;

/// From here on the error function is 1 in an f32.
const END: f32 = 4.0;
/// `erf(x) / x` as a quotient of polynomials in `x^2`, lowest power first: within 1e-7 of it up to [`END`], relative.
const NUMERATOR: [f32; 6] =
    [FRAC_2_SQRT_PI, 0.193_545_55, 0.053_101_804, 3.883_363_4e-3, 2.845_661_4e-4, 1.986_776_4e-6];
const DENOMINATOR: [f32; 6] = [1.0, 0.504_857_84, 0.115_350_194, 0.015_207_29, 1.185_575_5e-3, 3.742_012_6e-5];

/// The error function within 6 units in the last place; exactly 1 and -1 from 4 and -4 on, NaN for NaN.
#[inline(always)]
pub(super) fn erf<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let x = within(simd, x, END);
    let square = simd.mul(x, x);
    let numerator = simd.mul(x, polynomial(simd, square, &NUMERATOR));
    within(simd, simd.div(numerator, polynomial(simd, square, &DENOMINATOR)), 1.0)
}

#[inline(always)]
fn polynomial<S: Simd>(simd: S, x: S::Vector, coefficients: &[f32; 6]) -> S::Vector {
    let mut sum = simd.splat(coefficients[5]);
    for power in (0..5).rev() {
        sum = simd.fma(sum, x, simd.splat(coefficients[power]));
    }
    sum
}

#[inline(always)]
fn within<S: Simd>(simd: S, x: S::Vector, most: f32) -> S::Vector {
    simd.min(simd.splat(most), simd.max(simd.splat(-most), x))
}
