//! Sixteen columns of small unsigned weights times signed 8-bit activations, summed as exact integers.
//!
//! Invariant: every instruction set gives the same integers. Weights are at most [`BITS`](QuantLanes::dot) wide and
//! activations lie in -127 ..= 127, so no partial sum leaves its register.

/// Bytes of one vector of weights: four of each of sixteen columns.
pub const QUAD_BYTES: usize = 64;

/// What a quantised matmul computes with.
pub trait QuantLanes: Copy {
    /// Weights of four inputs times sixteen columns; a column's four are adjacent.
    type Bytes: Copy;
    /// Sums of products within a span, in whatever width the instructions give.
    type Sums: Copy;
    /// Sixteen `i32`.
    type Ints: Copy;
    /// Rows of the largest tile.
    const QUANT_ROWS: usize;
    /// Rows of a tile whose integers are in registers at once, 4 or 8: half of its rows at least. The others go through
    /// a block's weights again, while the next ones come from memory.
    const QUANT_PART: usize = 8;
    /// How many dot products of four [`Self::Sums`] takes before it must be finished, by bits of a weight.
    const SPANS: [usize; 9];
    /// Whether [`Self::dot`] of 8-bit weights subtracts their offset of 128 itself.
    const SIGNED_BYTES: bool;

    /// Reads a vector of weights.
    fn load_bytes(self, from: &[u8; QUAD_BYTES]) -> Self::Bytes;
    /// Every byte shifted right (left if negative), then masked. The mask drops what a neighbour shifted in.
    fn field(self, bytes: Self::Bytes, shift: i32, mask: u8) -> Self::Bytes;
    /// Bitwise or.
    fn join(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// All lanes `value`.
    fn ints(self, value: i32) -> Self::Ints;
    /// Begins a span on top of `total`.
    fn start(self, total: Self::Ints) -> Self::Sums;
    /// Adds the dot products of four inputs; `quad` holds their activations, the first in the lowest byte.
    fn dot<const BITS: usize>(self, sums: Self::Sums, weights: Self::Bytes, quad: u32) -> Self::Sums;
    /// Ends a span that began on top of `total`.
    fn finish(self, total: Self::Ints, sums: Self::Sums) -> Self::Ints;
}
