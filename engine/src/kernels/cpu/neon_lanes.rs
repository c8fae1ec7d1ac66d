//! What NEON does with sixteen lanes in four registers.

use std::arch::aarch64::{
    float32x4_t, int16x8_t, int32x4_t, uint16x8_t, vadd_f32, vaddq_f32, vaddq_u32, vbslq_f32, vcgtq_f32, vcltq_f32,
    vcvt_f16_f32, vcvt_f32_f16, vcvt_high_f16_f32, vcvt_high_f32_f16, vcvtnq_s32_f32, vcvtq_f32_s32, vdivq_f32,
    vdupq_n_f32, vdupq_n_u32, vextq_f32, vfmaq_f32, vget_high_f32, vget_low_f16, vget_low_f32, vget_low_s8,
    vget_low_s16, vget_low_u16, vgetq_lane_f32, vld1q_f32, vld1q_s8, vld1q_u16, vmovl_high_s8, vmovl_high_s16,
    vmovl_s8, vmovl_s16, vmulq_f32, vpadds_f32, vqmovn_high_s16, vqmovn_high_s32, vqmovn_s16, vqmovn_s32,
    vreinterpretq_f16_u16, vreinterpretq_f32_u32, vreinterpretq_u16_f16, vreinterpretq_u32_f32, vshll_high_n_u16,
    vshll_n_u16, vshlq_n_u32, vst1q_f32, vst1q_s8, vst1q_u16, vsubq_f32,
};

use half::{bf16, f16};

use super::simd::LANES;

/// Four lanes each.
pub(super) type Quarters = [float32x4_t; 4];

/// One instruction for each register.
#[inline(always)]
fn each(a: Quarters, b: Quarters, op: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Quarters {
    [op(a[0], b[0]), op(a[1], b[1]), op(a[2], b[2]), op(a[3], b[3])]
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn splat(value: f32) -> Quarters {
    [vdupq_n_f32(value); 4]
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load(from: &[f32; LANES]) -> Quarters {
    let mut out = splat(0.0);
    for (quarter, four) in out.iter_mut().zip(from.as_chunks::<4>().0) {
        // SAFETY: four values can be read.
        *quarter = unsafe { vld1q_f32(four.as_ptr()) };
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store(vector: Quarters, to: &mut [f32; LANES]) {
    for (quarter, four) in vector.into_iter().zip(to.as_chunks_mut::<4>().0) {
        // SAFETY: four values can be written.
        unsafe { vst1q_f32(four.as_mut_ptr(), quarter) };
    }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn fma(a: Quarters, b: Quarters, c: Quarters) -> Quarters {
    let mut out = c;
    for quarter in 0..4 {
        out[quarter] = vfmaq_f32(c[quarter], a[quarter], b[quarter]);
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| vaddq_f32(a, b))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn sub(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| vsubq_f32(a, b))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn mul(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| vmulq_f32(a, b))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn div(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| vdivq_f32(a, b))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn max(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| greater(a, b))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn min(a: Quarters, b: Quarters) -> Quarters {
    each(a, b, |a, b| vbslq_f32(vcltq_f32(a, b), a, b))
}

/// `a` where `a > b`, else `b`; the instruction for a maximum has other ideas of NaN and of -0.
#[inline]
#[target_feature(enable = "neon")]
fn greater(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    vbslq_f32(vcgtq_f32(a, b), a, b)
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn zero_below(x: Quarters, limit: Quarters, value: Quarters) -> Quarters {
    let mut out = value;
    for quarter in 0..4 {
        out[quarter] = vbslq_f32(vcltq_f32(x[quarter], limit[quarter]), vdupq_n_f32(0.0), value[quarter]);
    }
    out
}

/// Shifts the low bits into the exponent.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn power_of_two(bits: Quarters) -> Quarters {
    bits.map(|bits| {
        let shifted = vshlq_n_u32::<23>(vreinterpretq_u32_f32(bits));
        vreinterpretq_f32_u32(vaddq_u32(shifted, vdupq_n_u32(1.0_f32.to_bits())))
    })
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_f16(from: &[f16; LANES]) -> Quarters {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = vreinterpretq_f16_u16(unsafe { vld1q_u16(low.as_ptr().cast()) });
    // SAFETY: as above.
    let high = vreinterpretq_f16_u16(unsafe { vld1q_u16(high.as_ptr().cast()) });
    [vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)), vcvt_high_f32_f16(high)]
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_f16([a, b, c, d]: Quarters, to: &mut [f16; LANES]) {
    let (low, high) = to.split_at_mut(LANES / 2);
    let halves = [vcvt_high_f16_f32(vcvt_f16_f32(a), b), vcvt_high_f16_f32(vcvt_f16_f32(c), d)];
    let [first, second] = halves.map(|eight| vreinterpretq_u16_f16(eight));
    // SAFETY: eight values can be written.
    unsafe { vst1q_u16(low.as_mut_ptr().cast(), first) };
    // SAFETY: as above.
    unsafe { vst1q_u16(high.as_mut_ptr().cast(), second) };
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_bf16(from: &[bf16; LANES]) -> Quarters {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = widened_bf16(unsafe { vld1q_u16(low.as_ptr().cast()) });
    // SAFETY: as above.
    let high = widened_bf16(unsafe { vld1q_u16(high.as_ptr().cast()) });
    [low[0], low[1], high[0], high[1]]
}

#[inline]
#[target_feature(enable = "neon")]
fn widened_bf16(eight: uint16x8_t) -> [float32x4_t; 2] {
    let (low, high) = (vshll_n_u16::<16>(vget_low_u16(eight)), vshll_high_n_u16::<16>(eight));
    [vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high)]
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_i8(from: &[i8; LANES]) -> Quarters {
    // SAFETY: sixteen values can be read.
    let bytes = unsafe { vld1q_s8(from.as_ptr()) };
    let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
    floats([vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)])
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_i8([a, b, c, d]: Quarters, to: &mut [i8; LANES]) {
    let bytes = vqmovn_high_s16(vqmovn_s16(narrowed(a, b)), narrowed(c, d));
    // SAFETY: sixteen values can be written.
    unsafe { vst1q_s8(to.as_mut_ptr(), bytes) };
}

#[inline]
#[target_feature(enable = "neon")]
fn narrowed(low: float32x4_t, high: float32x4_t) -> int16x8_t {
    vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(low)), vcvtnq_s32_f32(high))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn floats(ints: [int32x4_t; 4]) -> Quarters {
    ints.map(|ints| vcvtq_f32_s32(ints))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn sum([a, b, c, d]: Quarters) -> f32 {
    let four = vaddq_f32(vaddq_f32(a, c), vaddq_f32(b, d));
    vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn greatest([a, b, c, d]: Quarters) -> f32 {
    let four = greater(greater(a, c), greater(b, d));
    let two = greater(four, vextq_f32::<2>(four, four));
    vgetq_lane_f32::<0>(greater(two, vextq_f32::<1>(two, two)))
}
