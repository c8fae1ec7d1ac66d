//! Sixteen lanes in four NEON registers: the proof, and the operations behind it.

use std::arch::asm;

use half::{bf16, f16};

use super::neon_lanes::{self as lanes, Quarters};
use super::neon_quant::{ByteProducts, Widening};
use super::simd::{Kernel, LANES, Simd};

/// Proof that this CPU has NEON and what `P` multiplies bytes with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon<P> {
    pub(super) products: P,
}

impl<P> Neon<P> {
    /// # Safety
    /// The CPU has NEON.
    pub(super) unsafe fn new(products: P) -> Self {
        Self { products }
    }
}

/// Runs a kernel, compiled for NEON.
#[target_feature(enable = "neon")]
pub(super) fn run<K: Kernel>(simd: Neon<Widening>, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// Six rows fill 24 of the 32 registers with sums, and four with weights.
impl<P: ByteProducts> Simd for Neon<P> {
    type Vector = Quarters;
    const TILE_ROWS: usize = 6;
    const TILE_PANELS: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::splat(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::load(from) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::store(vector, to) };
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::fma(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::add(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::sub(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::mul(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::div(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::max(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::min(a, b) }
    }

    #[inline(always)]
    fn zero_below(self, x: Self::Vector, limit: Self::Vector, value: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::zero_below(x, limit, value) }
    }

    #[inline(always)]
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::power_of_two(bits) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::load_f16(from) }
    }

    #[inline(always)]
    fn store_f16(self, vector: Self::Vector, to: &mut [f16; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::store_f16(vector, to) };
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::load_bf16(from) }
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::load_i8(from) }
    }

    #[inline(always)]
    fn store_i8(self, vector: Self::Vector, to: &mut [i8; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::store_i8(vector, to) };
    }

    #[inline(always)]
    fn floats(self, ints: Self::Ints) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::floats(ints) }
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::sum(vector) }
    }

    #[inline(always)]
    fn greatest(self, vector: Self::Vector) -> f32 {
        // SAFETY: `self` proves the feature.
        unsafe { lanes::greatest(vector) }
    }

    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        // SAFETY: a prefetch of any address is a hint and cannot fault.
        unsafe { asm!("prfm pldl1keep, [{0}]", in(reg) address.addr(), options(nomem, nostack, preserves_flags)) };
    }
}
