//! Sums and maxima over the lanes of AVX-512 registers, by the fixed tree of [`Simd::sum`](super::simd::Simd::sum).

use std::arch::x86_64::{
    __m512, _mm256_add_ps, _mm256_max_ps, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256,
    _mm512_extractf32x8_ps, _mm512_max_ps, _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_shuffle_ps,
    _mm512_unpackhi_pd, _mm512_unpacklo_pd,
};

use super::avx2_trees::{greatest_of_eight, sum_of_eight};
use super::simd::LANES;

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx2")]
pub(super) fn sum(vector: __m512) -> f32 {
    sum_of_eight(_mm256_add_ps(_mm512_castps512_ps256(vector), _mm512_extractf32x8_ps::<1>(vector)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx2")]
pub(super) fn greatest(vector: __m512) -> f32 {
    greatest_of_eight(_mm256_max_ps(_mm512_castps512_ps256(vector), _mm512_extractf32x8_ps::<1>(vector)))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn sums(vectors: &[__m512; LANES]) -> __m512 {
    trees(vectors, |low, high| _mm512_add_ps(low, high))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn greatest_each(vectors: &[__m512; LANES]) -> __m512 {
    trees(vectors, |low, high| _mm512_max_ps(low, high))
}

/// The tree of [`sum`] over each of sixteen vectors: what is joined at a step lies side by side in fewer of them.
#[inline]
#[target_feature(enable = "avx512f")]
fn trees(vectors: &[__m512; LANES], join: impl Fn(__m512, __m512) -> __m512) -> __m512 {
    let mut eights = [_mm512_setzero_ps(); 8];
    for (index, eight) in eights.iter_mut().enumerate() {
        // The last step leaves lane 4 q + r with vector 4 r + q of this order.
        let [a, b] = [2 * index, 2 * index + 1];
        let (a, b) = (vectors[a % 4 * 4 + a / 4], vectors[b % 4 * 4 + b / 4]);
        *eight = join(_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xee>(a, b));
    }
    let mut fours = [_mm512_setzero_ps(); 4];
    for (four, [a, b]) in fours.iter_mut().zip(eights.as_chunks().0) {
        *four = join(_mm512_shuffle_f32x4::<0x88>(*a, *b), _mm512_shuffle_f32x4::<0xdd>(*a, *b));
    }
    let mut twos = [_mm512_setzero_ps(); 2];
    for (two, fours) in twos.iter_mut().zip(fours.as_chunks::<2>().0) {
        let (a, b) = (_mm512_castps_pd(fours[0]), _mm512_castps_pd(fours[1]));
        let (low, high) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
        *two = join(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
    }
    let [a, b] = twos;
    join(_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xdd>(a, b))
}
