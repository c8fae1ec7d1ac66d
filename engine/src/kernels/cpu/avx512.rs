//! Sixteen lanes in one AVX-512 register.

use std::arch::x86_64::{
    __m512, __m512i, _CMP_LT_OQ, _CMP_UNORD_Q, _mm_loadu_si128, _mm_storeu_si128, _mm256_loadu_si256,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cmp_ps_mask, _mm512_cvtepi8_epi32, _mm512_cvtepi32_epi8, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtph_ps, _mm512_cvtps_epi32, _mm512_cvtps_ph, _mm512_div_ps, _mm512_dpbusd_epi32,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_mov_ps, _mm512_mask_or_epi32, _mm512_max_ps,
    _mm512_min_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_slli_epi32, _mm512_sllv_epi32, _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_storeu_ps,
    _mm512_sub_ps,
};

use half::{bf16, f16};

use super::avx512_trees::{greatest, greatest_each, sum, sums};
use super::quant_lanes::{QUAD_BYTES, QuantLanes};
use super::simd::{Kernel, LANES, Simd};
use super::x86_prefetch::{prefetch, prefetch_to_write};

/// Proof that this CPU has AVX-512 F, BW, DQ, VL and VNNI.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512 {
    _proof: (),
}

impl Avx512 {
    /// # Safety
    /// The CPU has AVX-512 F, BW, DQ, VL and VNNI, AVX2, FMA and F16C.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Runs a kernel, compiled for AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(super) fn run<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// Shifts the low bits into the exponent.
#[inline]
#[target_feature(enable = "avx512f")]
fn power_of_two(bits: __m512) -> __m512 {
    let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(bits));
    _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(1.0_f32.to_bits().cast_signed())))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn zero_below(x: __m512, limit: __m512, value: __m512) -> __m512 {
    _mm512_mask_mov_ps(value, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, limit), _mm512_setzero_ps())
}

impl Simd for Avx512 {
    type Vector = __m512;
    const TILE_ROWS: usize = 12;
    const TILE_PANELS: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature, and sixteen values can be read.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32; LANES]) {
        // SAFETY: `self` proves the feature, and sixteen values can be written.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), vector) };
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_min_ps(a, b) }
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
    fn load_f16(self, from: &[f16; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { load_f16(from) }
    }

    #[inline(always)]
    fn store_f16(self, vector: Self::Vector, to: &mut [f16; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { store_f16(vector, to) };
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { load_bf16(from) }
    }

    #[inline(always)]
    fn store_bf16(self, vector: Self::Vector, to: &mut [u32; LANES / 2]) {
        // SAFETY: `self` proves the feature.
        unsafe { store_bf16(vector, to) };
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { load_i8(from) }
    }

    #[inline(always)]
    fn store_i8(self, vector: Self::Vector, to: &mut [i8; LANES]) {
        // SAFETY: `self` proves the feature.
        unsafe { store_i8(vector, to) };
    }

    #[inline(always)]
    fn floats(self, ints: Self::Ints) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_cvtepi32_ps(ints) }
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        // SAFETY: `self` proves the feature.
        unsafe { sum(vector) }
    }

    #[inline(always)]
    fn greatest(self, vector: Self::Vector) -> f32 {
        // SAFETY: `self` proves the feature.
        unsafe { greatest(vector) }
    }

    #[inline(always)]
    fn sums(self, vectors: &[Self::Vector; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { sums(vectors) }
    }

    #[inline(always)]
    fn greatest_each(self, vectors: &[Self::Vector; LANES]) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { greatest_each(vectors) }
    }

    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        prefetch(address);
    }

    #[inline(always)]
    fn prefetch_to_write<T>(self, address: *const T) {
        prefetch_to_write(address);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_f16(from: &[f16; LANES]) -> __m512 {
    // SAFETY: sixteen values can be read.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_f16(vector: __m512, to: &mut [f16; LANES]) {
    let halves = _mm512_cvtps_ph::<0>(vector);
    // SAFETY: sixteen values can be written.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), halves) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_bf16(from: &[bf16; LANES]) -> __m512 {
    // SAFETY: sixteen values can be read.
    let halves = unsafe { _mm256_loadu_si256(from.as_ptr().cast()) };
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
}

/// Adds a half of the last bit that stays, less one where that bit is zero; what is not a number stays none.
#[inline]
#[target_feature(enable = "avx512f")]
fn store_bf16(vector: __m512, to: &mut [u32; LANES / 2]) {
    /// Set in what is not a number, lest it become an infinity.
    const QUIET: i32 = 0x40;
    let bits = _mm512_castps_si512(vector);
    let shifted = _mm512_srli_epi32::<16>(bits);
    let half = _mm512_add_epi32(_mm512_and_si512(shifted, _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7fff));
    let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, half));
    let no_number = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(vector, vector);
    let words = _mm512_mask_or_epi32(rounded, no_number, shifted, _mm512_set1_epi32(QUIET));
    let halves = _mm512_cvtepi32_epi16(words);
    // SAFETY: sixteen values of 16 bits can be written.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), halves) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_i8(from: &[i8; LANES]) -> __m512 {
    // SAFETY: sixteen values can be read.
    let bytes = unsafe { _mm_loadu_si128(from.as_ptr().cast()) };
    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_i8(vector: __m512, to: &mut [i8; LANES]) {
    let bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(vector));
    // SAFETY: sixteen values can be written.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), bytes) };
}

impl QuantLanes for Avx512 {
    type Bytes = __m512i;
    type Sums = __m512i;
    type Ints = __m512i;
    const QUANT_ROWS: usize = 8;
    const SPANS: [usize; 9] = [8; 9];
    const SIGNED_BYTES: bool = false;

    #[inline(always)]
    fn load_bytes(self, from: &[u8; QUAD_BYTES]) -> Self::Bytes {
        // SAFETY: `self` proves the feature, and 64 bytes can be read.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn field(self, bytes: Self::Bytes, shift: i32, mask: u8) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { field(bytes, shift, mask) }
    }

    #[inline(always)]
    fn join(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn ints(self, value: i32) -> Self::Ints {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    fn start(self, total: Self::Ints) -> Self::Sums {
        total
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: Self::Bytes, quad: u32) -> Self::Sums {
        // SAFETY: `self` proves the feature.
        unsafe { dot(sums, weights, quad) }
    }

    #[inline(always)]
    fn finish(self, _total: Self::Ints, sums: Self::Sums) -> Self::Ints {
        sums
    }
}

/// Shifts in 32-bit lanes, by amounts that are known where this is inlined.
#[inline]
#[target_feature(enable = "avx512f")]
fn field(bytes: __m512i, shift: i32, mask: u8) -> __m512i {
    let shifted = if shift < 0 {
        _mm512_sllv_epi32(bytes, _mm512_set1_epi32(-shift))
    } else {
        _mm512_srlv_epi32(bytes, _mm512_set1_epi32(shift))
    };
    if mask == u8::MAX { shifted } else { _mm512_and_si512(shifted, _mm512_set1_epi8(mask.cast_signed())) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot(sums: __m512i, weights: __m512i, quad: u32) -> __m512i {
    _mm512_dpbusd_epi32(sums, weights, _mm512_set1_epi32(quad.cast_signed()))
}
