//! Sixteen lanes in one AVX-512 register.

use std::arch::x86_64::{
    __m512, _CMP_LT_OQ, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi32, _mm512_add_ps, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_mov_ps,
    _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::simd::{Kernel, LANES, Simd};

/// Proof that this CPU has AVX-512 F.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512 {
    _proof: (),
}

impl Avx512 {
    /// # Safety
    /// The CPU has AVX-512 F, AVX2 and FMA.
    pub(super) unsafe fn new() -> Self {
        Self { _proof: () }
    }
}

/// Runs a kernel, compiled for AVX-512.
#[target_feature(enable = "avx512f,avx2,fma")]
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
    fn prefetch(self, address: *const f32) {
        // SAFETY: a prefetch of any address is a hint and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
}
