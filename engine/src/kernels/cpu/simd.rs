//! Sixteen `f32` lanes, and what a kernel may do with them.
//!
//! Invariant: every operation gives the same bits on every instruction set, NaN payloads aside. Values of a [`Simd`] type
//! prove that the CPU has the instructions, so the operations are safe. Kernels and everything they call are
//! `#[inline(always)]`: only then are they compiled with the instruction set of whoever runs them.

/// Lanes of a vector, columns of a weight panel, partial sums of a reduction.
pub const LANES: usize = 16;
/// How far ahead of the multiplications weights and values are fetched: what a core uses up while a line is on its way.
pub(super) const FETCH_AHEAD_BYTES: usize = 8192;

use half::{bf16, f16};

use super::quant_lanes::QuantLanes;

/// What a kernel computes with.
pub trait Simd: QuantLanes {
    /// Sixteen `f32`.
    type Vector: Copy;
    /// Rows of the largest matmul tile whose accumulators stay in registers.
    const TILE_ROWS: usize;
    /// Panels of 16 columns in that tile.
    const TILE_PANELS: usize;
    /// Accumulators of 16 lanes that stay in registers beside their operands.
    const ACCUMULATORS: usize = Self::TILE_ROWS * Self::TILE_PANELS;

    /// All lanes `value`.
    fn splat(self, value: f32) -> Self::Vector;
    /// Reads sixteen values.
    fn load(self, from: &[f32; LANES]) -> Self::Vector;
    /// Writes sixteen values.
    fn store(self, vector: Self::Vector, to: &mut [f32; LANES]);
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a` where `a > b`, else `b`: a NaN in `b` stays.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a` where `a < b`, else `b`: a NaN in `b` stays.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Zero where `x < limit`, else `value`.
    fn zero_below(self, x: Self::Vector, limit: Self::Vector, value: Self::Vector) -> Self::Vector;
    /// The float whose bits are `(bits << 23) + ONE`: 2^n where the low bits of `bits` hold n.
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector;
    /// Reads sixteen f16, exactly.
    fn load_f16(self, from: &[f16; LANES]) -> Self::Vector;
    /// Writes sixteen f16, rounded to nearest, ties to even.
    fn store_f16(self, vector: Self::Vector, to: &mut [f16; LANES]);
    /// Reads sixteen bf16, exactly.
    fn load_bf16(self, from: &[bf16; LANES]) -> Self::Vector;
    /// Writes sixteen bf16, rounded to nearest, ties to even, two to a word, the first in the low half.
    #[inline(always)]
    fn store_bf16(self, vector: Self::Vector, to: &mut [u32; LANES / 2]) {
        let mut line = [0.0; LANES];
        self.store(vector, &mut line);
        for (word, pair) in to.iter_mut().zip(line.as_chunks::<2>().0) {
            let [low, high] = pair.map(|value| u32::from(bf16::from_f32(value).to_bits()));
            *word = low | high << 16;
        }
    }
    /// Reads sixteen `i8`.
    fn load_i8(self, from: &[i8; LANES]) -> Self::Vector;
    /// Rounds each lane, an integer already and within -128 ..= 127, to an `i8`; what is not a number becomes any.
    fn store_i8(self, vector: Self::Vector, to: &mut [i8; LANES]);
    /// As floats, rounded to nearest.
    fn floats(self, ints: Self::Ints) -> Self::Vector;
    /// Sum of the lanes by one fixed tree: lane i + lane i + 8, then + 4, + 2, + 1.
    fn sum(self, vector: Self::Vector) -> f32;
    /// Greatest lane by the same tree; of a pair, the second unless the first is greater.
    fn greatest(self, vector: Self::Vector) -> f32;
    /// [`Self::sum`] of each.
    #[inline(always)]
    fn sums(self, vectors: &[Self::Vector; LANES]) -> Self::Vector {
        let mut line = [0.0; LANES];
        for (sum, vector) in line.iter_mut().zip(vectors) {
            *sum = self.sum(*vector);
        }
        self.load(&line)
    }
    /// [`Self::greatest`] of each.
    #[inline(always)]
    fn greatest_each(self, vectors: &[Self::Vector; LANES]) -> Self::Vector {
        let mut line = [0.0; LANES];
        for (greatest, vector) in line.iter_mut().zip(vectors) {
            *greatest = self.greatest(*vector);
        }
        self.load(&line)
    }
    /// Asks for the cache line of an address, which need not exist.
    fn prefetch<T>(self, address: *const T);
    /// As [`Self::prefetch`], to write to it: no other core keeps the line.
    #[inline(always)]
    fn prefetch_to_write<T>(self, address: *const T) {
        self.prefetch(address);
    }
}

/// A number as it is stored, and how sixteen of them become lanes.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// Reads sixteen, exactly.
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Vector;
}

impl Element for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Vector {
        simd.load(from)
    }
}

impl Element for f16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Vector {
        simd.load_f16(from)
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Vector {
        simd.load_bf16(from)
    }
}

impl Element for i8 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::Vector {
        simd.load_i8(from)
    }
}

/// One op's work, written once for all instruction sets.
pub trait Kernel {
    /// What it gives back.
    type Output;
    /// Runs with the lanes of one instruction set. Implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}
