//! Activations as the matmul tiles read them: rows interleaved tile by tile, as 32-bit words.
//!
//! A tile of r rows is one piece of memory, r times as long as a row's words.
//!
//! ```text
//! floats:  f32 [k / 16][r][16], zeros behind the end
//! bf16:    two inputs in a word, the first in the low half [k / 32][r][16], zeros behind the end
//! quants:  four i8 in a word [k / 32][r][8], then for each block of 32 its factors [k / 32][5][r]: scale f32, minus
//!          the sum of the quants i32, scale times that sum f32, minus the sums of the two halves i32
//! ```

use std::ops::Range;

use super::cpu::block_format::BLOCK;
use super::cpu::simd::Simd;

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
            Self::Floats => k.next_multiple_of(LINE_WORDS),
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
/// Words of a cache line.
const LINE_WORDS: usize = 16;
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

/// Where the words of some blocks of a tile lie, to write them.
#[derive(Debug)]
pub struct TilePlace<'a> {
    /// Rows of the tile.
    pub rows: usize,
    /// Numbers of these blocks, of all rows.
    pub numbers: &'a mut [u32],
    /// Factors of these blocks, of all rows.
    pub factors: &'a mut [u32],
}

impl TilePlace<'_> {
    /// The words of floats and of bf16: sixteen of each row, then the next sixteen.
    #[inline]
    pub fn lines(&mut self) -> impl Iterator<Item = &mut [[u32; LINE_WORDS]]> {
        self.numbers.as_chunks_mut().0.chunks_exact_mut(self.rows)
    }

    /// The blocks of all rows, block by block and row by row, in runs of at most N.
    #[inline]
    pub fn runs<const N: usize>(&self) -> impl Iterator<Item = Range<usize>> + use<N> {
        let pairs = self.numbers.len() / QUADS;
        (0..pairs).step_by(N).map(move |first| first..pairs.min(first + N))
    }

    /// Makes the words two runs behind this one ready to be written: the thread that read them last may be another.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    pub fn fetch_behind<S: Simd>(&self, simd: S, run: &Range<usize>) {
        let first = run.end + run.len();
        for (words, each) in [(&*self.numbers, QUADS), (&*self.factors, FACTORS)] {
            for at in (first * each..(first + run.len()) * each).step_by(LINE_WORDS) {
                simd.prefetch_to_write(words.as_ptr().wrapping_add(at));
            }
        }
    }

    /// Writes both halves of a row's quants of one block.
    #[inline]
    pub fn write_quants(&mut self, pair: usize, quants: &[[i8; BLOCK / 2]; 2]) {
        let words = &mut self.numbers.as_chunks_mut::<QUADS>().0[pair];
        for (word, quad) in words.iter_mut().zip(quants.as_flattened().as_chunks::<4>().0) {
            *word = u32::from_le_bytes(quad.map(i8::cast_unsigned));
        }
    }

    /// Writes what the quants of a run are multiplied with, from their scales and the sums of their halves.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    pub fn write_factors<const N: usize>(&mut self, run: Range<usize>, scales: &[f32; N], halves: &[[i32; 2]; N]) {
        let mut factors = [[0; N]; FACTORS];
        for (lane, (scale, &[first, second])) in scales.iter().zip(halves).enumerate() {
            let sum = first.wrapping_add(second);
            let negated = |sum: i32| sum.wrapping_neg().cast_unsigned();
            let values =
                [scale.to_bits(), negated(sum), (scale * sum as f32).to_bits(), negated(first), negated(second)];
            for (line, value) in factors.iter_mut().zip(values) {
                line[lane] = value;
            }
        }
        match self.rows {
            16 if run.len() == N => return self.write_blocks::<16, N>(run.start, &factors),
            8 if run.len() == N => return self.write_blocks::<8, N>(run.start, &factors),
            _ => {}
        }
        for (lane, pair) in run.enumerate() {
            let (block, row) = (pair / self.rows, pair % self.rows);
            for (factor, line) in factors.iter().enumerate() {
                self.factors[(block * FACTORS + factor) * self.rows + row] = line[lane];
            }
        }
    }

    /// The same where the run is whole blocks of R rows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    fn write_blocks<const R: usize, const N: usize>(&mut self, first: usize, factors: &[[u32; N]; FACTORS]) {
        const { assert!(N.is_multiple_of(R), "a run is whole blocks") };
        let blocks = self.factors[first * FACTORS..].as_chunks_mut::<R>().0.as_chunks_mut::<FACTORS>().0;
        for (index, block) in blocks[..N / R].iter_mut().enumerate() {
            for (to, line) in block.iter_mut().zip(factors) {
                *to = line.as_chunks().0[index];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Factors lie where [`QuantWords`] looks for them, whatever the tile's height.
    #[test]
    fn factors_are_written_to_their_block_and_row() {
        const RUN: usize = 16;
        for rows in 1..=16 {
            let pairs = 3 * rows;
            let (mut numbers, mut factors) = (vec![0; pairs * QUADS], vec![0; pairs * FACTORS]);
            let mut place = TilePlace { rows, numbers: &mut numbers, factors: &mut factors };
            for run in place.runs::<RUN>() {
                let (mut scales, mut halves) = ([0.0; RUN], [[0; 2]; RUN]);
                for (lane, pair) in run.clone().enumerate() {
                    (scales[lane], halves[lane]) = (pair as f32, [pair as i32, 100]);
                }
                place.write_factors(run, &scales, &halves);
            }
            for pair in 0..pairs {
                let (block, row) = (pair / rows, pair % rows);
                let at = |factor: usize| factors[(block * FACTORS + factor) * rows + row];
                let sum = pair as i32 + 100;
                let want = [
                    (pair as f32).to_bits(),
                    (-sum).cast_unsigned(),
                    (pair as f32 * sum as f32).to_bits(),
                    (-(pair as i32)).cast_unsigned(),
                    (-100_i32).cast_unsigned(),
                ];
                assert_eq!([0, 1, 2, 3, 4].map(at), want, "{rows} rows, block {block}, row {row}");
            }
        }
    }
}
