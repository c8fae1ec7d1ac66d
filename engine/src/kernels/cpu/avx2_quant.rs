//! Quantised products with AVX2: unsigned times signed bytes, added in pairs to 16 bits, then to 32.

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_sign_epi8, _mm256_sllv_epi32, _mm256_srlv_epi32, _mm256_xor_si256,
};

use super::avx2::Avx2;
use super::quant_lanes::{QUAD_BYTES, QuantLanes};

/// Columns 0 to 7, and 8 to 15.
type Halves = (__m256i, __m256i);

/// Pairs of products that one 16-bit sum holds: 2 * 127 * (2^bits - 1) times so many stays below 2^15.
const SPANS: [usize; 9] = [8, 8, 8, 8, 8, 4, 2, 1, 1];

impl QuantLanes for Avx2 {
    type Bytes = Halves;
    type Sums = Halves;
    type Ints = Halves;
    // More than the registers hold: reading unpacked weights and sums back from the stack costs less than unpacking the
    // weights again for every third row.
    const QUANT_ROWS: usize = 8;
    const QUANT_PART: usize = 4;
    const SPANS: [usize; 9] = SPANS;
    const SIGNED_BYTES: bool = true;

    #[inline(always)]
    fn load_bytes(self, from: &[u8; QUAD_BYTES]) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { load_bytes(from) }
    }

    #[inline(always)]
    fn field(self, bytes: Self::Bytes, shift: i32, mask: u8) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        let low = unsafe { field(bytes.0, shift, mask) };
        // SAFETY: as above.
        (low, unsafe { field(bytes.1, shift, mask) })
    }

    #[inline(always)]
    fn join(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        // SAFETY: `self` proves the feature.
        unsafe { join(a, b) }
    }

    #[inline(always)]
    fn ints(self, value: i32) -> Self::Ints {
        // SAFETY: `self` proves the feature.
        let ints = unsafe { _mm256_set1_epi32(value) };
        (ints, ints)
    }

    #[inline(always)]
    fn start(self, _total: Self::Ints) -> Self::Sums {
        // SAFETY: `self` proves the feature.
        let zero = unsafe { _mm256_setzero_si256() };
        (zero, zero)
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: Self::Bytes, quad: u32) -> Self::Sums {
        let product = if BITS == 8 { dot_signed } else { dot };
        // SAFETY: `self` proves the feature.
        let sums = unsafe { product(sums, weights, quad) };
        // SAFETY: as above.
        unsafe { in_order(sums) }
    }

    #[inline(always)]
    fn finish(self, total: Self::Ints, sums: Self::Sums) -> Self::Ints {
        // SAFETY: `self` proves the feature.
        unsafe { finish(total, sums) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_bytes(from: &[u8; QUAD_BYTES]) -> Halves {
    let (low, high) = from.split_at(QUAD_BYTES / 2);
    // SAFETY: 32 bytes can be read.
    let low = unsafe { _mm256_loadu_si256(low.as_ptr().cast()) };
    // SAFETY: as above.
    let high = unsafe { _mm256_loadu_si256(high.as_ptr().cast()) };
    (low, high)
}

/// Shifts in 32-bit lanes, by amounts that are known where this is inlined.
#[inline]
#[target_feature(enable = "avx2")]
fn field(bytes: __m256i, shift: i32, mask: u8) -> __m256i {
    let shifted = if shift < 0 {
        _mm256_sllv_epi32(bytes, _mm256_set1_epi32(-shift))
    } else {
        _mm256_srlv_epi32(bytes, _mm256_set1_epi32(shift))
    };
    if mask == u8::MAX { shifted } else { _mm256_and_si256(shifted, _mm256_set1_epi8(mask.cast_signed())) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn join(a: Halves, b: Halves) -> Halves {
    (_mm256_or_si256(a.0, b.0), _mm256_or_si256(a.1, b.1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn dot(sums: Halves, weights: Halves, quad: u32) -> Halves {
    let quad = _mm256_set1_epi32(quad.cast_signed());
    let (low, high) = (_mm256_maddubs_epi16(weights.0, quad), _mm256_maddubs_epi16(weights.1, quad));
    (_mm256_add_epi16(sums.0, low), _mm256_add_epi16(sums.1, high))
}

/// Weights w + 128 as signed w: |w| times the activations with w's sign, so that 255 * 127 * 2 does not saturate.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_signed(sums: Halves, weights: Halves, quad: u32) -> Halves {
    let quad = _mm256_set1_epi32(quad.cast_signed());
    let product = |weights: __m256i| {
        let signed = _mm256_xor_si256(weights, _mm256_set1_epi8(i8::MIN));
        _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(quad, signed))
    };
    (_mm256_add_epi16(sums.0, product(weights.0)), _mm256_add_epi16(sums.1, product(weights.1)))
}

/// The same integers, made before anything that comes later in the program. The compiler would finish row after row, and
/// read all weights again for each; in the order of the program they stay in registers for a few rows. Where spans are
/// short it would put their ends off, and keep the sums of all of them in memory until then.
#[inline]
#[target_feature(enable = "avx2")]
fn in_order((mut low, mut high): Halves) -> Halves {
    // SAFETY: no instruction: it touches neither memory, stack nor flags.
    unsafe {
        asm!("/* {0} {1} */", inout(ymm_reg) low, inout(ymm_reg) high, options(nomem, nostack, preserves_flags));
    }
    (low, high)
}

#[inline]
#[target_feature(enable = "avx2")]
fn finish(total: Halves, sums: Halves) -> Halves {
    let ones = _mm256_set1_epi16(1);
    let (low, high) = (_mm256_madd_epi16(sums.0, ones), _mm256_madd_epi16(sums.1, ones));
    in_order((_mm256_add_epi32(total.0, low), _mm256_add_epi32(total.1, high)))
}
