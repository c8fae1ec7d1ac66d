//! The loops of AVX-512: `dpbusd` for int8 and `dpbf16` for bf16. The compiler knows neither well enough to shorten a sum.

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_dpbusd_epi32, _mm512_reduce_add_epi32,
    _mm512_reduce_add_ps, _mm512_set1_epi8, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
};
use std::hint::black_box;

/// As many sums as the kernels' largest tile has for one panel.
const CHAINS: usize = 12;
/// Bytes of a register.
const BYTES: usize = size_of::<__m512i>();
/// Numbers of a register.
const HALVES: usize = BYTES / 2;

#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) fn int8(rounds: usize) -> u64 {
    let (unsigned, signed) = (_mm512_set1_epi8(black_box(3)), _mm512_set1_epi8(black_box(-2)));
    let mut sums = [_mm512_setzero_si512(); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, unsigned, signed);
        }
    }
    for sum in sums {
        black_box(_mm512_reduce_add_epi32(sum));
    }
    (rounds * CHAINS * BYTES * 2) as u64
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn bf16(rounds: usize) -> u64 {
    let (a, b) = (halves(black_box(0.5)), halves(black_box(0.001)));
    let mut sums = [_mm512_setzero_ps(); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, a, b);
        }
    }
    for sum in sums {
        black_box(_mm512_reduce_add_ps(sum));
    }
    (rounds * CHAINS * HALVES * 2) as u64
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn halves(value: f32) -> __m512bh {
    _mm512_cvtne2ps_pbh(_mm512_set1_ps(value), _mm512_set1_ps(value))
}
