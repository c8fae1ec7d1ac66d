//! Sixteen lanes in two AVX registers.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _CMP_LT_OQ, _mm_loadl_epi64, _mm_loadu_si128, _mm_packs_epi16, _mm_packs_epi32,
    _mm_storel_epi64, _mm_storeu_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_blendv_ps, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_cvtps_epi32, _mm256_cvtps_ph, _mm256_div_ps,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use half::{bf16, f16};

use super::avx2_trees::{greatest, greatest_each, sum, sums};
use super::simd::{Kernel, LANES, Simd};
use super::x86_prefetch::{prefetch, prefetch_to_write};

/// Proof that this CPU has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2 {
    _proof: (),
}

impl Avx2 {
    /// # Safety
    /// The CPU has AVX2, FMA and F16C.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Lanes 0 to 7, and 8 to 15.
pub(super) type Halves = (__m256, __m256);

/// Runs a kernel, compiled for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn run<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// Shifts the low bits into the exponent.
#[inline]
#[target_feature(enable = "avx2")]
fn power_of_two(bits: __m256) -> __m256 {
    let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(bits));
    _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(1.0_f32.to_bits().cast_signed())))
}

#[inline]
#[target_feature(enable = "avx2")]
fn zero_below(x: __m256, limit: __m256, value: __m256) -> __m256 {
    _mm256_blendv_ps(value, _mm256_setzero_ps(), _mm256_cmp_ps::<_CMP_LT_OQ>(x, limit))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(from: &[f32; LANES]) -> Halves {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = unsafe { _mm256_loadu_ps(low.as_ptr()) };
    // SAFETY: as above.
    let high = unsafe { _mm256_loadu_ps(high.as_ptr()) };
    (low, high)
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: Halves, to: &mut [f32; LANES]) {
    let (low, high) = to.split_at_mut(LANES / 2);
    // SAFETY: eight values can be written.
    unsafe { _mm256_storeu_ps(low.as_mut_ptr(), vector.0) };
    // SAFETY: as above.
    unsafe { _mm256_storeu_ps(high.as_mut_ptr(), vector.1) };
}

impl Simd for Avx2 {
    type Vector = Halves;
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
        unsafe { zero_halves_below(x, limit, value) }
    }

    #[inline(always)]
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the feature.
        unsafe { powers_of_two(bits) }
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
        unsafe { floats(ints) }
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

/// Eight f16 each.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_f16(from: &[f16; LANES]) -> Halves {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = unsafe { _mm_loadu_si128(low.as_ptr().cast()) };
    // SAFETY: as above.
    let high = unsafe { _mm_loadu_si128(high.as_ptr().cast()) };
    (_mm256_cvtph_ps(low), _mm256_cvtph_ps(high))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn store_f16(vector: Halves, to: &mut [f16; LANES]) {
    let (low, high) = to.split_at_mut(LANES / 2);
    let halves = (_mm256_cvtps_ph::<0>(vector.0), _mm256_cvtps_ph::<0>(vector.1));
    // SAFETY: eight values can be written.
    unsafe { _mm_storeu_si128(low.as_mut_ptr().cast(), halves.0) };
    // SAFETY: as above.
    unsafe { _mm_storeu_si128(high.as_mut_ptr().cast(), halves.1) };
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_bf16(from: &[bf16; LANES]) -> Halves {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = unsafe { _mm_loadu_si128(low.as_ptr().cast()) };
    // SAFETY: as above.
    let high = unsafe { _mm_loadu_si128(high.as_ptr().cast()) };
    (widened_bf16(low), widened_bf16(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn widened_bf16(eight: __m128i) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(eight)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_i8(from: &[i8; LANES]) -> Halves {
    let (low, high) = from.split_at(LANES / 2);
    // SAFETY: eight values can be read.
    let low = unsafe { _mm_loadl_epi64(low.as_ptr().cast()) };
    // SAFETY: as above.
    let high = unsafe { _mm_loadl_epi64(high.as_ptr().cast()) };
    (_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(low)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(high)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_i8(vector: Halves, to: &mut [i8; LANES]) {
    let (low, high) = to.split_at_mut(LANES / 2);
    let halves = (narrowed(vector.0), narrowed(vector.1));
    // SAFETY: eight values can be written.
    unsafe { _mm_storel_epi64(low.as_mut_ptr().cast(), halves.0) };
    // SAFETY: as above.
    unsafe { _mm_storel_epi64(high.as_mut_ptr().cast(), halves.1) };
}

/// Eight lanes as `i8`, in the low half.
#[inline]
#[target_feature(enable = "avx2")]
fn narrowed(eight: __m256) -> __m128i {
    let ints = _mm256_cvtps_epi32(eight);
    let words = _mm_packs_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256::<1>(ints));
    _mm_packs_epi16(words, words)
}

#[inline]
#[target_feature(enable = "avx2")]
fn floats(ints: (__m256i, __m256i)) -> Halves {
    (_mm256_cvtepi32_ps(ints.0), _mm256_cvtepi32_ps(ints.1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(value: f32) -> Halves {
    let half = _mm256_set1_ps(value);
    (half, half)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn fma(a: Halves, b: Halves, c: Halves) -> Halves {
    (_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn add(a: Halves, b: Halves) -> Halves {
    (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn sub(a: Halves, b: Halves) -> Halves {
    (_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn mul(a: Halves, b: Halves) -> Halves {
    (_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn div(a: Halves, b: Halves) -> Halves {
    (_mm256_div_ps(a.0, b.0), _mm256_div_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn max(a: Halves, b: Halves) -> Halves {
    (_mm256_max_ps(a.0, b.0), _mm256_max_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn min(a: Halves, b: Halves) -> Halves {
    (_mm256_min_ps(a.0, b.0), _mm256_min_ps(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn zero_halves_below(x: Halves, limit: Halves, value: Halves) -> Halves {
    (zero_below(x.0, limit.0, value.0), zero_below(x.1, limit.1, value.1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn powers_of_two(bits: Halves) -> Halves {
    (power_of_two(bits.0), power_of_two(bits.1))
}
