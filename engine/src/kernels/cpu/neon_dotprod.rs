//! Quantised products with `sdot`: four bytes times four bytes, summed in 32 bits.

use std::arch::aarch64::{int8x16_t, int32x4_t};
use std::arch::asm;

use super::neon::Neon;
use super::neon_quant::{ByteProducts, ByteQuarters, IntQuarters, signed};
use super::simd::Kernel;

/// Proof that this CPU has `dotprod`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dotprod {
    _proof: (),
}

impl Dotprod {
    /// # Safety
    /// The CPU has `dotprod`.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Runs a kernel, compiled for NEON and `dotprod`.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn run<K: Kernel>(simd: Neon<Dotprod>, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl ByteProducts for Dotprod {
    type Sums = IntQuarters;
    const QUANT_ROWS: usize = 4;
    const SPANS: [usize; 9] = [8; 9];

    #[inline(always)]
    fn start(self, total: IntQuarters) -> Self::Sums {
        total
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: ByteQuarters, quad: u32) -> Self::Sums {
        // SAFETY: `self` proves the feature.
        unsafe { dot::<BITS>(sums, weights, quad) }
    }

    #[inline(always)]
    fn finish(self, _total: IntQuarters, sums: Self::Sums) -> IntQuarters {
        sums
    }
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const BITS: usize>(sums: IntQuarters, weights: ByteQuarters, quad: u32) -> IntQuarters {
    let mut out = sums;
    for quarter in 0..4 {
        out[quarter] = sdot(sums[quarter], signed::<BITS>(weights[quarter]), f32::from_bits(quad));
    }
    out
}

/// Adds to each lane the product of its four bytes with the four bytes of `quad`, which is no float: it is typed as one
/// so that it is loaded into the register that is read here.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(super) fn sdot(mut sum: int32x4_t, bytes: int8x16_t, quad: f32) -> int32x4_t {
    // SAFETY: an instruction on registers that the proof of `dotprod` allows.
    unsafe {
        asm!(
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[0]",
            inout(vreg) sum, in(vreg) bytes, in(vreg) quad,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
