//! Activations as the matmul tiles read them: rows interleaved tile by tile, as 32-bit words.
//!
//! A tile of r rows is one piece of memory, r times as long as a row's words; every array in it is `[.., r]`.
//!
//! ```text
//! floats:  f32 [k][r]
//! bf16:    two inputs in a word, the first in the low half [k / 2][r]
//! quants:  four i8 in a word [k / 4][r], scale f32 [k / 32][r], minus the sum of the block's quants i32 [k / 32][r],
//!          scale times that sum f32 [k / 32][r], minus the sums of its halves i32 [k / 32][2][r]
//! ```

use super::cpu::block_format::BLOCK;

/// What a weight format wants to be multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// The numbers themselves.
    Floats,
    /// Rounded to bf16.
    Bf16,
    /// In 8 bits, a scale for each block of 32: scale = greatest / 127, quants rounded to nearest, ties to even.
    Quants,
}

impl RowFormat {
    /// 32-bit words of a row of `k` numbers.
    pub fn words(self, k: usize) -> usize {
        match self {
            Self::Floats => k,
            Self::Bf16 => k.div_ceil(2),
            Self::Quants => k.div_ceil(BLOCK) * QUANT_WORDS,
        }
    }
}

/// Words of a block of quants: the quants, scale, sum, scaled sum, sums of its halves.
const QUANT_WORDS: usize = BLOCK / 4 + 5;

/// Quantised rows of a tile, to read.
#[derive(Clone, Copy, Debug)]
pub struct QuantWords<'a, const R: usize> {
    quads: &'a [[[u32; R]; BLOCK / 4]],
    scales: &'a [[u32; R]],
    sums: &'a [[u32; R]],
    shifts: &'a [[u32; R]],
    half_sums: &'a [[[u32; R]; 2]],
}

impl<'a, const R: usize> QuantWords<'a, R> {
    /// A tile of R rows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    pub fn new(words: &'a [u32]) -> Self {
        let blocks = words.len() / R / QUANT_WORDS;
        let rows = words.as_chunks::<R>().0;
        let (quads, rest) = rows.split_at(blocks * (BLOCK / 4));
        let (scales, rest) = rest.split_at(blocks);
        let (sums, rest) = rest.split_at(blocks);
        let (shifts, half_sums) = rest.split_at(blocks);
        Self { quads: quads.as_chunks().0, scales, sums, shifts, half_sums: half_sums.as_chunks().0 }
    }

    /// Blocks of 32 inputs.
    #[inline]
    pub fn blocks(&self) -> usize {
        self.scales.len()
    }

    /// The quants of a block, four inputs at a time.
    #[inline]
    pub fn quads(&self, block: usize) -> &'a [[u32; R]; BLOCK / 4] {
        &self.quads[block]
    }

    /// Bits of the f32 scales.
    #[inline]
    pub fn scales(&self, block: usize) -> &'a [u32; R] {
        &self.scales[block]
    }

    /// Minus the sum of a block's quants.
    #[inline]
    pub fn sums(&self, block: usize) -> &'a [u32; R] {
        &self.sums[block]
    }

    /// Bits of scale times sum.
    #[inline]
    pub fn shifts(&self, block: usize) -> &'a [u32; R] {
        &self.shifts[block]
    }

    /// Minus the sums of the block's halves.
    #[inline]
    pub fn half_sums(&self, block: usize) -> &'a [[u32; R]; 2] {
        &self.half_sums[block]
    }
}

/// A block of 32 inputs in 8 bits.
#[derive(Clone, Copy, Debug)]
pub struct QuantBlock {
    /// The numbers, divided by the scale.
    pub quants: [i8; BLOCK],
    /// What they are multiplied with.
    pub scale: f32,
    /// Their sums, half by half.
    pub halves: [i32; 2],
}

/// Where one row's words of a tile lie, to write them.
#[derive(Clone, Copy, Debug)]
pub struct RowPlace {
    /// Rows of the tile.
    pub rows: usize,
    /// Which one.
    pub row: usize,
    /// Blocks of 32 inputs in a row.
    pub blocks: usize,
}

impl RowPlace {
    /// Writes one quantised block: its quants, its scale, the sums of its halves.
    #[inline]
    pub fn write_block(&self, words: &mut [u32], block: usize, QuantBlock { quants, scale, halves }: &QuantBlock) {
        let sum = halves[0] + halves[1];
        let quads = quants.as_chunks::<4>().0;
        for (index, quad) in quads.iter().enumerate() {
            let bytes = quad.map(i8::cast_unsigned);
            words[(block * quads.len() + index) * self.rows + self.row] = u32::from_le_bytes(bytes);
        }
        let mut at = self.blocks * quads.len();
        let mut put = |index: usize, value: u32| words[(at + index) * self.rows + self.row] = value;
        put(block, scale.to_bits());
        put(self.blocks + block, (-sum).cast_unsigned());
        put(2 * self.blocks + block, (scale * sum as f32).to_bits());
        at += 3 * self.blocks;
        let mut put = |index: usize, value: i32| words[(at + index) * self.rows + self.row] = value.cast_unsigned();
        put(2 * block, -halves[0]);
        put(2 * block + 1, -halves[1]);
    }
}
