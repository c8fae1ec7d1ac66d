//! Rows of activations, made ready for matmuls: cut into tiles, interleaved, rounded to what the weights want.

use std::ops::Range;

use super::WORTH_SHARING;
use crate::cpu::Cpu;
use crate::kernels::aligned::Aligned;
use crate::kernels::cpu::amx::AMX_ROWS;
use crate::kernels::cpu::bf16_tile::BF16_TILE_ROWS;
use crate::kernels::cpu::fill_tile::{FillTile, RowNorm};
use crate::kernels::cpu::float_tile::FloatTileRows;
use crate::kernels::cpu::quant_tile::QuantTileRows;
use crate::kernels::tiled_rows::RowFormat;

/// Rows that go into a linear layer, through a norm or as they are.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// `[rows, k]`
    pub x: &'a [f32],
    /// The norm before, if any.
    pub norm: Option<RowNorm<'a>>,
}

/// Activations `[rows, k]` in tiles. Its memory is kept from one filling to the next.
#[derive(Debug, Default)]
pub struct TiledRows {
    words: Aligned<u32>,
    rows: usize,
    k: usize,
    tiles: usize,
    words_each: usize,
    format: Option<RowFormat>,
}

impl TiledRows {
    /// Takes rows of `k` numbers as `format`.
    pub fn fill(&mut self, cpu: &Cpu, Input { x, norm }: Input<'_>, k: usize, format: RowFormat) {
        assert!(x.len().is_multiple_of(k), "whole rows of {k}, not {} values", x.len());
        assert!(norm.is_none_or(|norm| norm.weight.len() == k), "a weight for each of {k}");
        self.rows = x.len() / k;
        self.k = k;
        self.format = Some(format);
        self.tiles = self.rows.div_ceil(tile_rows(cpu, format));
        self.words_each = format.words(k);
        let used = self.rows * self.words_each;
        self.words.reserve(used);
        let tiles = Tiles {
            rows: self.rows,
            count: self.tiles,
            next: 0,
            words: &mut self.words[..used],
            words_each: self.words_each,
        };
        let fill = |(rows, out): (Range<usize>, &mut [u32])| {
            cpu.isa().run(FillTile { rows: &x[rows.start * k..rows.end * k], k, norm, format, out });
        };
        if x.len() < WORTH_SHARING { tiles.for_each(fill) } else { cpu.pool().for_each(tiles, fill) }
    }

    /// Rows held.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers of a row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Tiles held.
    pub fn tiles(&self) -> usize {
        self.tiles
    }

    /// The rows of a tile.
    pub fn rows_of(&self, tile: usize) -> Range<usize> {
        tile * self.rows / self.tiles..(tile + 1) * self.rows / self.tiles
    }

    /// The words of a tile.
    pub fn tile(&self, tile: usize) -> &[u32] {
        let rows = self.rows_of(tile);
        &self.words[rows.start * self.words_each..rows.end * self.words_each]
    }

    /// What the rows are held as.
    pub fn format(&self) -> Option<RowFormat> {
        self.format
    }

    /// Bytes of the largest tile.
    pub fn tile_bytes(&self) -> usize {
        self.rows.div_ceil(self.tiles.max(1)) * self.words_each * size_of::<u32>()
    }
}

/// Largest tile of kernels that read this format.
fn tile_rows(cpu: &Cpu, format: RowFormat) -> usize {
    match format {
        RowFormat::Floats => cpu.isa().run(FloatTileRows),
        RowFormat::Bf16 if cpu.amx().is_some() => AMX_ROWS,
        RowFormat::Bf16 => BF16_TILE_ROWS,
        RowFormat::Quants => cpu.isa().run(QuantTileRows),
    }
}

/// Tiles not handed out yet.
struct Tiles<'a> {
    rows: usize,
    count: usize,
    next: usize,
    words: &'a mut [u32],
    words_each: usize,
}

impl<'a> Iterator for Tiles<'a> {
    type Item = (Range<usize>, &'a mut [u32]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        let rows = self.next * self.rows / self.count..(self.next + 1) * self.rows / self.count;
        self.next += 1;
        let words = self.words.split_off_mut(..rows.len() * self.words_each).expect("tiles add up to the rows");
        Some((rows, words))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count - self.next, Some(self.count - self.next))
    }
}
