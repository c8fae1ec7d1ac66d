//! Rows of activations, made ready for matmuls: cut into tiles, interleaved, rounded to what the weights want.

use std::ops::Range;

use super::WORTH_SHARING;
use super::parts::Parts;
use crate::cpu::Cpu;
use crate::kernels::aligned::Aligned;
use crate::kernels::cpu::amx::AMX_ROWS;
use crate::kernels::cpu::bf16_tile::BF16_TILE_ROWS;
use crate::kernels::cpu::block_format::BLOCK;
use crate::kernels::cpu::fill_tile::FillTile;
use crate::kernels::cpu::float_tile::FloatTileRows;
use crate::kernels::cpu::norm_row::RowNorm;
use crate::kernels::cpu::quant_tile::QuantTileRows;
use crate::kernels::tiled_rows::RowFormat;

/// Rows of quants from which AMX is faster than lanes: unpacking a panel for it pays when several tiles follow.
pub(super) const AMX_FROM_ROWS: usize = 40;
/// Tiles for each thread from which it matters little that one thread fills one more than another.
const MANY_TILES: usize = 3;

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
    k: usize,
    /// Rows cut into tiles.
    tiles: Parts,
    words_each: usize,
    format: Option<RowFormat>,
}

impl TiledRows {
    /// Takes rows of `k` numbers as `format`.
    pub fn fill(&mut self, cpu: &Cpu, Input { x, norm }: Input<'_>, k: usize, format: RowFormat) {
        assert!(x.len().is_multiple_of(k), "whole rows of {k}, not {} values", x.len());
        let has_k = |values: &[f32]| values.len() == k;
        assert!(norm.is_none_or(|norm| has_k(norm.weight) && norm.bias.is_none_or(has_k)), "a weight for each of {k}");
        self.k = k;
        self.format = Some(format);
        self.tiles = Parts::at_most(x.len() / k, tile_rows(cpu, format, x.len() / k));
        self.words_each = format.words(k);
        let used = self.rows() * self.words_each;
        self.words.reserve(used);
        let shared = x.len() >= WORTH_SHARING;
        let parts_of_tile = if shared { parts_of_tile(self.tiles(), cpu.pool().threads()) } else { 1 };
        let parts = TileParts {
            tiles: self.tiles,
            blocks: Parts::new(k.div_ceil(BLOCK), parts_of_tile),
            format,
            k,
            next: (0, 0),
            words: &mut self.words[..used],
            numbers: &mut [],
            factors: &mut [],
        };
        let fill = |TilePart { rows, blocks, numbers, factors }: TilePart<'_>| {
            let rows = &x[rows.start * k..rows.end * k];
            cpu.isa().run(FillTile { rows, k, norm, format, blocks, numbers, factors });
        };
        if shared { cpu.pool().for_each(parts, fill) } else { parts.for_each(fill) }
    }

    /// Rows held.
    pub fn rows(&self) -> usize {
        self.tiles.things()
    }

    /// Numbers of a row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Tiles held.
    pub fn tiles(&self) -> usize {
        self.tiles.count()
    }

    /// The rows of a tile.
    pub fn rows_of(&self, tile: usize) -> Range<usize> {
        self.tiles.of(tile)
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
        self.tiles.largest() * self.words_each * size_of::<u32>()
    }
}

/// Largest tile of the kernels that read so many rows of this format.
fn tile_rows(cpu: &Cpu, format: RowFormat, rows: usize) -> usize {
    match format {
        RowFormat::Floats => cpu.isa().run(FloatTileRows),
        RowFormat::Bf16 if cpu.amx().is_some() => AMX_ROWS,
        RowFormat::Bf16 => BF16_TILE_ROWS,
        RowFormat::Quants if cpu.amx().is_some() && rows >= AMX_FROM_ROWS => AMX_ROWS,
        RowFormat::Quants => cpu.isa().run(QuantTileRows),
    }
}

/// Parts that each tile is cut into so that all threads have about as much to fill. They are few: where a norm comes
/// first, each part computes it anew.
fn parts_of_tile(tiles: usize, threads: usize) -> usize {
    if tiles.is_multiple_of(threads) || tiles >= MANY_TILES * threads { 1 } else { threads }
}

/// Some blocks of a tile, for one thread to fill.
struct TilePart<'a> {
    rows: Range<usize>,
    blocks: Range<usize>,
    numbers: &'a mut [u32],
    factors: &'a mut [u32],
}

/// Parts not handed out yet, tile by tile.
struct TileParts<'a> {
    tiles: Parts,
    /// Each tile's blocks, cut.
    blocks: Parts,
    format: RowFormat,
    k: usize,
    /// Tile, and part of it.
    next: (usize, usize),
    /// Of the tiles behind the current one.
    words: &'a mut [u32],
    /// Of the current tile, what is left.
    numbers: &'a mut [u32],
    factors: &'a mut [u32],
}

impl TileParts<'_> {
    fn begin_tile(&mut self, rows: usize) {
        let words = self.words.split_off_mut(..rows * self.format.words(self.k)).expect("tiles add up to the rows");
        (self.numbers, self.factors) = words.split_at_mut(rows * self.format.number_words(self.k));
    }
}

impl<'a> Iterator for TileParts<'a> {
    type Item = TilePart<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (tile, part) = self.next;
        if tile == self.tiles.count() {
            return None;
        }
        let (rows, blocks) = (self.tiles.of(tile), self.blocks.of(part));
        if part == 0 {
            self.begin_tile(rows.len());
        }
        self.next = if part + 1 < self.blocks.count() { (tile, part + 1) } else { (tile + 1, 0) };
        let words = |of: fn(RowFormat, usize) -> usize| {
            let before = |block: usize| of(self.format, self.k.min(block * BLOCK));
            rows.len() * (before(blocks.end) - before(blocks.start))
        };
        let (numbers, factors) = (words(RowFormat::number_words), words(RowFormat::factor_words));
        let numbers = self.numbers.split_off_mut(..numbers).expect("parts add up to the tile");
        let factors = self.factors.split_off_mut(..factors).expect("parts add up to the tile");
        Some(TilePart { rows, blocks, numbers, factors })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (tile, part) = self.next;
        let left = (self.tiles.count() - tile) * self.blocks.count() - part;
        (left, Some(left))
    }
}
