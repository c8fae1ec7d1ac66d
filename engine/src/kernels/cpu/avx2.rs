//! Sixteen lanes in two AVX registers.

use std::arch::x86_64::{
    __m256, _CMP_LT_OQ, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32, _mm256_add_ps, _mm256_blendv_ps,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::simd::{Kernel, LANES, Simd};

/// Proof that this CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2 {
    _proof: (),
}

impl Avx2 {
    /// # Safety
    /// The CPU has AVX2 and FMA.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Lanes 0 to 7, and 8 to 15.
type Halves = (__m256, __m256);

/// Runs a kernel, compiled for AVX2.
#[target_feature(enable = "avx2,fma")]
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
    fn prefetch(self, address: *const f32) {
        // SAFETY: a prefetch of any address is a hint and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
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
