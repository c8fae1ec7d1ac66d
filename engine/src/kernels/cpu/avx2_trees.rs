//! Sums and maxima over the lanes of AVX registers, by the fixed tree of [`Simd::sum`](super::simd::Simd::sum).

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_max_ps, _mm_max_ss, _mm_movehl_ps, _mm_shuffle_ps,
    _mm256_add_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_max_ps,
    _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_unpackhi_pd, _mm256_unpacklo_pd,
};

use super::avx2::Halves;
use super::simd::LANES;

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum(vector: Halves) -> f32 {
    sum_of_eight(_mm256_add_ps(vector.0, vector.1))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn greatest(vector: Halves) -> f32 {
    greatest_of_eight(_mm256_max_ps(vector.0, vector.1))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sums(vectors: &[Halves; LANES]) -> Halves {
    trees(vectors, |low, high| _mm256_add_ps(low, high))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn greatest_each(vectors: &[Halves; LANES]) -> Halves {
    trees(vectors, |low, high| _mm256_max_ps(low, high))
}

/// The tree of [`sum`] over each of sixteen vectors: what is joined at a step lies side by side in fewer of them.
#[inline]
#[target_feature(enable = "avx2")]
fn trees(vectors: &[Halves; LANES], join: impl Fn(__m256, __m256) -> __m256) -> Halves {
    let mut halves = [_mm256_setzero_ps(); 2];
    for (half, vectors) in halves.iter_mut().zip(vectors.as_chunks::<8>().0) {
        let mut fours = [_mm256_setzero_ps(); 4];
        for (index, four) in fours.iter_mut().enumerate() {
            // The last step leaves lane 4 q + r with vector 2 r + q of this order.
            let [a, b] = [2 * index, 2 * index + 1];
            let (a, b) = (vectors[a % 2 * 4 + a / 2], vectors[b % 2 * 4 + b / 2]);
            let (a, b) = (join(a.0, a.1), join(b.0, b.1));
            *four = join(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
        }
        let mut twos = [_mm256_setzero_ps(); 2];
        for (two, fours) in twos.iter_mut().zip(fours.as_chunks::<2>().0) {
            let (a, b) = (_mm256_castps_pd(fours[0]), _mm256_castps_pd(fours[1]));
            let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            *two = join(_mm256_castpd_ps(low), _mm256_castpd_ps(high));
        }
        let [a, b] = twos;
        *half = join(_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xdd>(a, b));
    }
    halves.into()
}

/// The rest of the tree that sums sixteen lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_of_eight(eight: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

/// The rest of the tree that compares sixteen lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn greatest_of_eight(eight: __m256) -> f32 {
    let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
    let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
