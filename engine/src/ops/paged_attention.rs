//! Causal attention of a ragged batch over the paged cache.

use std::ops::Range;

use super::sequences::{SequenceRows, check};
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::attention::AttentionTile;
use crate::kernels::cpu::float_tile::FloatTileRows;
use crate::kv_cache::KvLayer;

/// What the model says about one layer's attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Query heads; each key and value head serves an equal run of them.
    pub heads: usize,
    /// Factor of the scores, as a rule `1 / sqrt(head_dim)`.
    pub scale: f32,
}

/// One step's input to a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionInput<'a> {
    /// Rows that begin with the rotated queries `[heads, head_dim]`; what follows them in a row is not read.
    pub queries: &'a [f32],
    /// Whose rows these are.
    pub sequences: &'a [SequenceRows<'a>],
    /// Keys and values, those of the rows themselves included.
    pub kv: &'a KvLayer,
}

/// Each row sees the positions of its sequence up to its own; out is `[rows, heads * head_dim]`.
pub fn paged_attention(cpu: &Cpu, attention: &Attention, input: &AttentionInput<'_>, out: &mut [f32]) {
    let geometry = input.kv.geometry();
    let width = attention.heads * geometry.head_dim;
    let rows = out.len() / width;
    check(input.sequences, rows, geometry.block_size);
    if rows == 0 {
        return;
    }
    let stride = input.queries.len() / rows;
    assert!(out.len() == rows * width && input.queries.len() == rows * stride, "whole rows");
    assert!(stride >= width, "rows of {stride} values hold no {} heads", attention.heads);
    assert!(attention.heads.is_multiple_of(geometry.kv_heads), "equal groups of heads");
    let tiles = tiles(cpu, attention, input, ColumnsMut::new(out, width));
    cpu.pool().for_each(tiles, |tile| cpu.isa().run(tile));
}

/// Rows of one tile, given the largest tile: `rows` cut into equal parts, as few as possible.
fn tile_ranges(rows: usize, largest: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.div_ceil(largest);
    (0..tiles).map(move |tile| tile * rows / tiles..(tile + 1) * rows / tiles)
}

/// Cuts the output into tiles of tokens times heads, long contexts with their neighbours, first rows first.
fn tiles<'a>(
    cpu: &Cpu,
    attention: &Attention,
    input: &AttentionInput<'a>,
    mut out: ColumnsMut<'a>,
) -> Vec<AttentionTile<'a>> {
    let geometry = input.kv.geometry();
    let largest = cpu.isa().run(FloatTileRows);
    let group = attention.heads / geometry.kv_heads;
    let stride = input.queries.len() / out.rows();
    let mut tiles = Vec::new();
    for sequence in input.sequences {
        let mut of_sequence = out.take_rows(sequence.rows.len());
        for head in 0..geometry.kv_heads {
            for heads in tile_ranges(group, largest) {
                let mut columns = of_sequence.take_columns(heads.len() * geometry.head_dim);
                for tokens in tile_ranges(sequence.rows.len(), largest / heads.len()) {
                    let first = (sequence.rows.start + tokens.start) * stride;
                    let start = sequence.start + tokens.start;
                    tiles.push(AttentionTile {
                        kv: input.kv.head(head),
                        blocks: &sequence.blocks[..(sequence.start + tokens.end).div_ceil(geometry.block_size)],
                        start,
                        queries: &input.queries[first + (head * group + heads.start) * geometry.head_dim..],
                        query_stride: stride,
                        scale: attention.scale,
                        out: columns.take_rows(tokens.len()),
                    });
                }
            }
        }
    }
    tiles
}
