//! Activations as the matmul tiles read them: rows interleaved tile by tile, as 32-bit words.
//!
//! A tile of r rows is one piece of memory, r times as long as a row's words.
//!
//! ```text
//! floats:  f32 [k][r]
//! bf16:    two inputs in a word, the first in the low half [k / 32][r][16], zeros behind the end
//! quants:  four i8 in a word [k / 32][r][8], then for each block of 32 its factors [k / 32][5][r]: scale f32, minus
//!          the sum of the quants i32, scale times that sum f32, minus the sums of the two halves i32
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
    /// 32-bit words of the numbers of a row of `k`.
    pub fn number_words(self, k: usize) -> usize {
        match self {
            Self::Floats => k,
            Self::Bf16 => k.div_ceil(BLOCK) * PAIRS,
            Self::Quants => k.div_ceil(BLOCK) * QUADS,
        }
    }

    /// 32-bit words of the factors of a row of `k` numbers.
    pub fn factor_words(self, k: usize) -> usize {
        match self {
            Self::Floats | Self::Bf16 => 0,
            Self::Quants => k.div_ceil(BLOCK) * FACTORS,
        }
    }

    /// 32-bit words of a row of `k` numbers.
    pub fn words(self, k: usize) -> usize {
        self.number_words(k) + self.factor_words(k)
    }
}

/// Words of a block of bf16.
pub const PAIRS: usize = BLOCK / 2;
/// Words of a block's quants.
const QUADS: usize = BLOCK / 4;
/// Words of a block's factors: scale, sum, scaled sum, sums of its halves.
const FACTORS: usize = 5;
/// Words of a block.
const QUANT_WORDS: usize = QUADS + FACTORS;

/// Quantised rows of a tile of R, to read block by block.
#[derive(Clone, Copy, Debug)]
pub struct QuantWords<'a, const R: usize> {
    quads: &'a [[[u32; QUADS]; R]],
    factors: &'a [[[u32; R]; FACTORS]],
}

/// What belongs to one block of R rows beside their quants.
#[derive(Clone, Copy, Debug)]
pub struct Factors<'a, const R: usize>(&'a [[u32; R]; FACTORS]);

impl<'a, const R: usize> QuantWords<'a, R> {
    /// A tile of R rows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    pub fn new(words: &'a [u32]) -> Self {
        let blocks = words.len() / (R * QUANT_WORDS);
        let (quads, factors) = words.split_at(blocks * R * QUADS);
        Self { quads: quads.as_chunks().0.as_chunks().0, factors: factors.as_chunks().0.as_chunks().0 }
    }

    /// Of each block, the quants of each row, four inputs at a time.
    #[inline]
    pub fn quads(&self) -> &'a [[[u32; QUADS]; R]] {
        self.quads
    }

    /// The factors of each block.
    #[inline]
    pub fn factors(&self) -> impl Iterator<Item = Factors<'a, R>> + use<'a, R> {
        self.factors.iter().map(Factors)
    }
}

impl<'a, const R: usize> Factors<'a, R> {
    /// Bits of the f32 scales.
    #[inline]
    pub fn scales(self) -> &'a [u32; R] {
        &self.0[0]
    }

    /// Minus the sum of the block's quants.
    #[inline]
    pub fn sums(self) -> &'a [u32; R] {
        &self.0[1]
    }

    /// Bits of scale times sum.
    #[inline]
    pub fn shifts(self) -> &'a [u32; R] {
        &self.0[2]
    }

    /// Minus the sums of the block's halves.
    #[inline]
    pub fn half_sums(self) -> [&'a [u32; R]; 2] {
        [&self.0[3], &self.0[4]]
    }
}

/// Where one row's words of some blocks of a tile lie, to write them.
#[derive(Debug)]
pub struct RowPlace<'a> {
    /// Rows of the tile.
    pub rows: usize,
    /// Which one.
    pub row: usize,
    /// Numbers of these blocks, of all rows.
    pub numbers: &'a mut [u32],
    /// Factors of these blocks, of all rows.
    pub factors: &'a mut [u32],
}

impl RowPlace<'_> {
    /// The words of the row's f32, in order.
    #[inline]
    pub fn floats(&mut self) -> impl Iterator<Item = &mut u32> {
        of_row(self.numbers, self.row, self.rows)
    }

    /// The words of each block of bf16.
    #[inline]
    pub fn pairs(&mut self) -> impl Iterator<Item = &mut [u32; PAIRS]> {
        of_row(self.numbers.as_chunks_mut().0, self.row, self.rows)
    }

    /// The words of each quantised block.
    #[inline]
    pub fn blocks(&mut self) -> impl Iterator<Item = BlockPlace<'_>> {
        let quads = of_row(self.numbers.as_chunks_mut().0, self.row, self.rows);
        let factors = self.factors.chunks_exact_mut(FACTORS * self.rows);
        quads.zip(factors).map(|(quads, factors)| BlockPlace { rows: self.rows, row: self.row, quads, factors })
    }
}

/// One row's items, of items that lie row by row.
#[inline]
fn of_row<T>(all: &mut [T], row: usize, rows: usize) -> impl Iterator<Item = &mut T> {
    all.iter_mut().skip(row).step_by(rows)
}

/// Where one row's words of a quantised block lie.
#[derive(Debug)]
pub struct BlockPlace<'a> {
    rows: usize,
    row: usize,
    quads: &'a mut [u32; QUADS],
    factors: &'a mut [u32],
}

impl BlockPlace<'_> {
    /// Writes the quants of both halves, what they are multiplied with, and the halves' sums.
    #[inline]
    pub fn write(&mut self, quants: &[[i8; BLOCK / 2]; 2], scale: f32, [first, second]: [i32; 2]) {
        for (word, quad) in self.quads.iter_mut().zip(quants.as_flattened().as_chunks::<4>().0) {
            *word = u32::from_le_bytes(quad.map(i8::cast_unsigned));
        }
        let sum = first.wrapping_add(second);
        let negated = [sum, first, second].map(|sum| sum.wrapping_neg().cast_unsigned());
        let values = [scale.to_bits(), negated[0], (scale * sum as f32).to_bits(), negated[1], negated[2]];
        for (factor, value) in of_row(self.factors, self.row, self.rows).zip(values) {
            *factor = value;
        }
    }
}
