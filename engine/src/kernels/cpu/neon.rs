//! Sixteen lanes in four NEON registers.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddq_u32, vbslq_f32, vcgtq_f32, vcltq_f32, vdivq_f32, vdupq_n_f32, vdupq_n_u32, vfmaq_f32,
    vld1q_f32, vmulq_f32, vreinterpretq_f32_u32, vreinterpretq_u32_f32, vshlq_n_u32, vst1q_f32, vsubq_f32,
};

use super::simd::{Kernel, LANES, Simd};

/// Proof that this CPU has NEON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon {
    _proof: (),
}

impl Neon {
    /// # Safety
    /// The CPU has NEON.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Four lanes each.
type Quarters = [float32x4_t; 4];

/// Runs a kernel, compiled for NEON.
#[target_feature(enable = "neon")]
pub(super) fn run<K: Kernel>(simd: Neon, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl Simd for Neon {
    type Vector = Quarters;
    const TILE_ROWS: usize = 6;
    const TILE_PANELS: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { splat(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { load(from) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { store(vector, to) };
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { fma(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { add(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { sub(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { mul(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { div(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { max(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { min(a, b) }
    }

    #[inline(always)]
    fn zero_below(self, x: Self::Vector, limit: Self::Vector, value: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { zero_below(x, limit, value) }
    }

    #[inline(always)]
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { power_of_two(bits) }
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        // No stable intrinsic: the hardware's own prefetcher has to do.
        let _ = (self, address);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn splat(value: f32) -> Quarters {
    [vdupq_n_f32(value); 4]
}

#[inline]
#[target_feature(enable = "neon")]
fn load(from: &[f32; LANES]) -> Quarters {
    let mut out = splat(0.0);
    for (quarter, four) in out.iter_mut().zip(from.as_chunks::<4>().0) {
        // SAFETY: four values can be read.
        *quarter = unsafe { vld1q_f32(four.as_ptr()) };
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn store(vector: Quarters, to: &mut [f32; LANES]) {
    for (quarter, four) in vector.into_iter().zip(to.as_chunks_mut::<4>().0) {
        // SAFETY: four values can be written.
        unsafe { vst1q_f32(four.as_mut_ptr(), quarter) };
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn fma(a: Quarters, b: Quarters, c: Quarters) -> Quarters {
    let mut out = c;
    for quarter in 0..4 {
        out[quarter] = vfmaq_f32(c[quarter], a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn max(a: Quarters, b: Quarters) -> Quarters {
    let mut out = b;
    for quarter in 0..4 {
        out[quarter] = vbslq_f32(vcgtq_f32(a[quarter], b[quarter]), a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn min(a: Quarters, b: Quarters) -> Quarters {
    let mut out = b;
    for quarter in 0..4 {
        out[quarter] = vbslq_f32(vcltq_f32(a[quarter], b[quarter]), a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn zero_below(x: Quarters, limit: Quarters, value: Quarters) -> Quarters {
    let mut out = value;
    for quarter in 0..4 {
        out[quarter] = vbslq_f32(vcltq_f32(x[quarter], limit[quarter]), vdupq_n_f32(0.0), value[quarter]);
    }
    out
}

/// Shifts the low bits into the exponent.
#[inline]
#[target_feature(enable = "neon")]
fn power_of_two(bits: Quarters) -> Quarters {
    let mut out = bits;
    for quarter in &mut out {
        let shifted = vshlq_n_u32::<23>(vreinterpretq_u32_f32(*quarter));
        *quarter = vreinterpretq_f32_u32(vaddq_u32(shifted, vdupq_n_u32(1.0_f32.to_bits())));
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn add(a: Quarters, b: Quarters) -> Quarters {
    let mut out = a;
    for quarter in 0..4 {
        out[quarter] = vaddq_f32(a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn sub(a: Quarters, b: Quarters) -> Quarters {
    let mut out = a;
    for quarter in 0..4 {
        out[quarter] = vsubq_f32(a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn mul(a: Quarters, b: Quarters) -> Quarters {
    let mut out = a;
    for quarter in 0..4 {
        out[quarter] = vmulq_f32(a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn div(a: Quarters, b: Quarters) -> Quarters {
    let mut out = a;
    for quarter in 0..4 {
        out[quarter] = vdivq_f32(a[quarter], b[quarter]);
    }
    out
}
