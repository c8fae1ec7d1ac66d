//! Sixteen `f32` lanes, and what a kernel may do with them.
//!
//! Invariant: every operation gives the same bits on every instruction set, NaN payloads aside. Values of a [`Simd`] type
//! prove that the CPU has the instructions, so the operations are safe. Kernels and everything they call are
//! `#[inline(always)]`: only then are they compiled with the instruction set of whoever runs them.

/// Lanes of a vector, columns of a weight panel, partial sums of a reduction.
pub const LANES: usize = 16;

/// What a kernel computes with.
pub trait Simd: Copy {
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
    /// Asks for the cache line of an address, which need not exist.
    fn prefetch(self, address: *const f32);
}

/// One op's work, written once for all instruction sets.
pub trait Kernel {
    /// What it gives back.
    type Output;
    /// Runs with the lanes of one instruction set. Implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Sum of sixteen lanes by one fixed tree: lane i + lane i + 8, then + 4, + 2, + 1.
#[inline(always)]
pub fn tree_sum<S: Simd>(simd: S, vector: S::Vector) -> f32 {
    tree(simd, vector, |a, b| a + b)
}

/// Greatest of sixteen lanes.
#[inline(always)]
pub fn tree_max<S: Simd>(simd: S, vector: S::Vector) -> f32 {
    tree(simd, vector, |a, b| if a > b { a } else { b })
}

#[inline(always)]
fn tree<S: Simd>(simd: S, vector: S::Vector, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    simd.store(vector, &mut lanes);
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = join(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}
