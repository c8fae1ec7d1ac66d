//! Quantised products with NEON: how bytes are read, and their products in 16 bits where a CPU has no better.

use std::arch::aarch64::{
    int8x16_t, int16x8_t, int32x4_t, uint8x16_t, vaddq_s32, vandq_u8, vdupq_n_s8, vdupq_n_s16, vdupq_n_s32, vdupq_n_u8,
    vdupq_n_u32, veorq_u8, vget_low_s8, vld1q_u8, vmlal_high_s8, vmlal_s8, vorrq_u8, vpaddlq_s16, vpaddq_s32,
    vreinterpretq_s8_u8, vreinterpretq_s8_u32, vshlq_u8,
};

use super::neon::Neon;
use super::quant_lanes::{QUAD_BYTES, QuantLanes};

/// Four columns each.
pub(super) type ByteQuarters = [uint8x16_t; 4];
/// Four columns each.
pub(super) type IntQuarters = [int32x4_t; 4];

/// What bytes are multiplied with: here Arm CPUs differ. Methods are those of [`QuantLanes`].
pub(super) trait ByteProducts: Copy {
    /// See [`QuantLanes::Sums`].
    type Sums: Copy;
    /// See [`QuantLanes::QUANT_ROWS`].
    const QUANT_ROWS: usize;
    /// See [`QuantLanes::SPANS`].
    const SPANS: [usize; 9];

    /// See [`QuantLanes::start`].
    fn start(self, total: IntQuarters) -> Self::Sums;
    /// See [`QuantLanes::dot`]; 8-bit weights lose their offset.
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: ByteQuarters, quad: u32) -> Self::Sums;
    /// See [`QuantLanes::finish`].
    fn finish(self, total: IntQuarters, sums: Self::Sums) -> IntQuarters;
}

impl<P: ByteProducts> QuantLanes for Neon<P> {
    type Bytes = ByteQuarters;
    type Sums = P::Sums;
    type Ints = IntQuarters;
    const QUANT_ROWS: usize = P::QUANT_ROWS;
    const SPANS: [usize; 9] = P::SPANS;
    const SIGNED_BYTES: bool = true;

    #[inline(always)]
    fn load_bytes(self, from: &[u8; QUAD_BYTES]) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { load_bytes(from) }
    }

    #[inline(always)]
    fn field(self, bytes: Self::Bytes, shift: i32, mask: u8) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { field(bytes, shift, mask) }
    }

    #[inline(always)]
    fn join(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { join(a, b) }
    }

    #[inline(always)]
    fn ints(self, value: i32) -> Self::Ints {
        // SAFETY: `self` proves the feature.
        [unsafe { vdupq_n_s32(value) }; 4]
    }

    #[inline(always)]
    fn start(self, total: Self::Ints) -> Self::Sums {
        self.products.start(total)
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: Self::Bytes, quad: u32) -> Self::Sums {
        self.products.dot::<BITS>(sums, weights, quad)
    }

    #[inline(always)]
    fn finish(self, total: Self::Ints, sums: Self::Sums) -> Self::Ints {
        self.products.finish(total, sums)
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_bytes(from: &[u8; QUAD_BYTES]) -> ByteQuarters {
    let mut out = [vdupq_n_u8(0); 4];
    for (quarter, sixteen) in out.iter_mut().zip(from.as_chunks::<16>().0) {
        // SAFETY: sixteen bytes can be read.
        *quarter = unsafe { vld1q_u8(sixteen.as_ptr()) };
    }
    out
}

/// Shifts by amounts that are known where this is inlined; a mask that drops nothing is left out.
#[inline]
#[target_feature(enable = "neon")]
fn field(bytes: ByteQuarters, shift: i32, mask: u8) -> ByteQuarters {
    let left = if shift < 0 { u8::MAX << -shift } else { u8::MAX >> shift };
    bytes.map(|bytes| {
        let shifted = if shift == 0 { bytes } else { vshlq_u8(bytes, vdupq_n_s8(-shift as i8)) };
        if mask & left == left { shifted } else { vandq_u8(shifted, vdupq_n_u8(mask)) }
    })
}

#[inline]
#[target_feature(enable = "neon")]
fn join(a: ByteQuarters, b: ByteQuarters) -> ByteQuarters {
    let mut out = a;
    for quarter in 0..4 {
        out[quarter] = vorrq_u8(a[quarter], b[quarter]);
    }
    out
}

/// Weights below 8 bits as they are, 8-bit weights w + 128 as w.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn signed<const BITS: usize>(weights: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(if BITS == 8 { veorq_u8(weights, vdupq_n_u8(1 << 7)) } else { weights })
}

/// Bytes multiplied to 16 bits: what every `aarch64` CPU has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widening;

/// For each register of weights, sums of its lower and upper eight products.
type Halves = [int16x8_t; 2];

/// A 16-bit sum holds so many products: 127 * (2^bits - 1) times so many stays below 2^15, for 8 bits 127 * 128 times.
impl ByteProducts for Widening {
    type Sums = [Halves; 4];
    const QUANT_ROWS: usize = 2;
    const SPANS: [usize; 9] = [8, 8, 8, 8, 8, 8, 4, 2, 2];

    #[inline(always)]
    fn start(self, _total: IntQuarters) -> Self::Sums {
        // SAFETY: every CPU that Rust compiles these lines for has NEON.
        [[unsafe { vdupq_n_s16(0) }; 2]; 4]
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: ByteQuarters, quad: u32) -> Self::Sums {
        // SAFETY: as above.
        unsafe { dot::<BITS>(sums, weights, quad) }
    }

    #[inline(always)]
    fn finish(self, total: IntQuarters, sums: Self::Sums) -> IntQuarters {
        // SAFETY: as above.
        unsafe { finish(total, sums) }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn dot<const BITS: usize>(sums: [Halves; 4], weights: ByteQuarters, quad: u32) -> [Halves; 4] {
    let quad = vreinterpretq_s8_u32(vdupq_n_u32(quad));
    let mut out = sums;
    for quarter in 0..4 {
        let weights = signed::<BITS>(weights[quarter]);
        let [low, high] = sums[quarter];
        out[quarter] = [vmlal_s8(low, vget_low_s8(weights), vget_low_s8(quad)), vmlal_high_s8(high, weights, quad)];
    }
    out
}

/// Four products of a column are four neighbours.
#[inline]
#[target_feature(enable = "neon")]
fn finish(total: IntQuarters, sums: [Halves; 4]) -> IntQuarters {
    let mut out = total;
    for quarter in 0..4 {
        let [low, high] = sums[quarter].map(|eight| vpaddlq_s16(eight));
        out[quarter] = vaddq_s32(total[quarter], vpaddq_s32(low, high));
    }
    out
}
