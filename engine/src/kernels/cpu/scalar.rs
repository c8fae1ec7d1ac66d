//! Sixteen lanes in plain Rust: what every other instruction set must equal bit for bit.

use half::{bf16, f16};

use super::quant_lanes::{QUAD_BYTES, QuantLanes};
use super::simd::{LANES, Simd};

/// Needs nothing from the CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar;

#[inline(always)]
fn lanes(of: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (lane, value) in out.iter_mut().enumerate() {
        *value = of(lane);
    }
    out
}

impl Simd for Scalar {
    type Vector = [f32; LANES];
    const TILE_ROWS: usize = 4;
    const TILE_PANELS: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Vector {
        *from
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32; LANES]) {
        *to = vector;
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        lanes(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn zero_below(self, x: Self::Vector, limit: Self::Vector, value: Self::Vector) -> Self::Vector {
        lanes(|lane| if x[lane] < limit[lane] { 0.0 } else { value[lane] })
    }

    #[inline(always)]
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector {
        lanes(|lane| f32::from_bits((bits[lane].to_bits() << 23).wrapping_add(1.0_f32.to_bits())))
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> Self::Vector {
        lanes(|lane| from[lane].to_f32())
    }

    #[inline(always)]
    fn store_f16(self, vector: Self::Vector, to: &mut [f16; LANES]) {
        *to = vector.map(f16::from_f32);
    }

    #[inline(always)]
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Vector {
        lanes(|lane| from[lane].to_f32())
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> Self::Vector {
        lanes(|lane| f32::from(from[lane]))
    }

    #[inline(always)]
    fn store_i8(self, vector: Self::Vector, to: &mut [i8; LANES]) {
        *to = vector.map(|value| value as i8);
    }

    #[inline(always)]
    fn floats(self, ints: Self::Ints) -> Self::Vector {
        lanes(|lane| ints[lane] as f32)
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        tree(vector, |a, b| a + b)
    }

    #[inline(always)]
    fn greatest(self, vector: Self::Vector) -> f32 {
        tree(vector, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn prefetch<T>(self, _address: *const T) {}
}

#[inline(always)]
fn tree(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = join(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

/// Sums wrap, as in registers: scales of a hostile file must not end the process.
impl QuantLanes for Scalar {
    type Bytes = [u8; QUAD_BYTES];
    type Sums = [i32; LANES];
    type Ints = [i32; LANES];
    const QUANT_ROWS: usize = 4;
    const SPANS: [usize; 9] = [8; 9];
    const SIGNED_BYTES: bool = false;

    #[inline(always)]
    fn load_bytes(self, from: &[u8; QUAD_BYTES]) -> Self::Bytes {
        *from
    }

    #[inline(always)]
    fn field(self, bytes: Self::Bytes, shift: i32, mask: u8) -> Self::Bytes {
        bytes.map(|byte| (if shift < 0 { byte << -shift } else { byte >> shift }) & mask)
    }

    #[inline(always)]
    fn join(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        let mut joined = a;
        for (byte, other) in joined.iter_mut().zip(b) {
            *byte |= other;
        }
        joined
    }

    #[inline(always)]
    fn ints(self, value: i32) -> Self::Ints {
        [value; LANES]
    }

    #[inline(always)]
    fn start(self, total: Self::Ints) -> Self::Sums {
        total
    }

    #[inline(always)]
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: Self::Bytes, quad: u32) -> Self::Sums {
        let activations = quad.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
        let mut sums = sums;
        for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
            for (weight, activation) in weights.iter().zip(activations) {
                *sum = sum.wrapping_add(i32::from(*weight) * activation);
            }
        }
        sums
    }

    #[inline(always)]
    fn finish(self, _total: Self::Ints, sums: Self::Sums) -> Self::Ints {
        sums
    }
}
