//! Numbers held within a cap, smoothly.

use super::elementwise::{exp, map_in_place};
use super::simd::{Kernel, Simd};

/// Takes each of `values` to `cap * tanh(value / cap)`, in place.
#[derive(Debug)]
pub struct Softcap<'a> {
    /// Any number of them.
    pub values: &'a mut [f32],
    /// Above 0.
    pub cap: f32,
}

impl Kernel for Softcap<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        map_in_place(simd, self.values, 0.0, |x| softcapped(simd, x, self.cap));
    }
}

/// `cap * tanh(x / cap)`, as `cap - 2 * cap / (e^(2x / cap) + 1)`.
#[inline(always)]
pub(super) fn softcapped<S: Simd>(simd: S, x: S::Vector, cap: f32) -> S::Vector {
    let (one, cap) = (simd.splat(1.0), simd.splat(cap));
    let grown = exp(simd, simd.div(simd.add(x, x), cap));
    simd.sub(cap, simd.div(simd.add(cap, cap), simd.add(grown, one)))
}
