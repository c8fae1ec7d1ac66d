//! The int8 loop of AVX2: `maddubs`, `madd` and an add for 32 multiply-adds.

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_extract_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_setzero_si256,
};
use std::hint::black_box;

/// With both factors and the ones they fill eleven of sixteen registers.
const CHAINS: usize = 8;
/// Bytes of a register.
const BYTES: usize = 32;

#[target_feature(enable = "avx2")]
pub(super) fn int8(rounds: usize) -> u64 {
    let (signed, ones) = (_mm256_set1_epi8(black_box(-2)), _mm256_set1_epi16(black_box(1)));
    let mut unsigned = _mm256_set1_epi8(black_box(3));
    let mut sums = [_mm256_setzero_si256(); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            unsigned = another(unsigned);
            let pairs = _mm256_maddubs_epi16(unsigned, signed);
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    for sum in sums {
        black_box(_mm256_extract_epi32::<0>(sum));
    }
    (rounds * CHAINS * BYTES * 2) as u64
}

/// The same bytes, which the compiler takes for others: or it would multiply once and add the product again and again.
#[inline]
#[target_feature(enable = "avx2")]
fn another(mut bytes: __m256i) -> __m256i {
    // SAFETY: no instruction is emitted.
    unsafe { asm!("/* {0} */", inout(ymm_reg) bytes, options(nomem, nostack, preserves_flags)) };
    bytes
}
