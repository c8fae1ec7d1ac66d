//! Numbers held within a cap, smoothly.

use super::elementwise::{exp, filled};
use super::simd::{Kernel, LANES, Simd};

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
        let (lines, rest) = self.values.as_chunks_mut::<LANES>();
        for line in lines {
            simd.store(softcapped(simd, simd.load(line), self.cap), line);
        }
        let mut last = filled(rest, 0.0);
        simd.store(softcapped(simd, simd.load(&last), self.cap), &mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// `cap * tanh(x / cap)`, as `cap - 2 * cap / (e^(2x / cap) + 1)`.
#[inline(always)]
pub(super) fn softcapped<S: Simd>(simd: S, x: S::Vector, cap: f32) -> S::Vector {
    let (one, cap) = (simd.splat(1.0), simd.splat(cap));
    let grown = exp(simd, simd.div(simd.add(x, x), cap));
    simd.sub(cap, simd.div(simd.add(cap, cap), simd.add(grown, one)))
}
