//! Attention of a ragged batch over the paged cache.

use std::ops::Range;

use super::parts::Parts;
use super::sequences::{SequenceRows, check};
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::attention::{Attend, AttentionTile};
use crate::kernels::cpu::float_tile::FloatTileRows;
use crate::kernels::cpu::kv_element::KvElement;
use crate::kernels::cpu::score_rule::{DistanceBias, ScoreRule, Sight, Slopes};
use crate::kv_cache::{KvLayer, KvTensors};

/// What the model says about one layer's attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention<'a> {
    /// Query heads; each key and value head serves an equal run of them.
    pub heads: usize,
    /// What becomes of scores.
    pub rule: ScoreRule<'a>,
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

/// Each row sees the positions of its sequence up to its own, or those ahead too, as far as the rule's window goes; out is
/// `[rows, heads * head_dim]`.
pub fn paged_attention(cpu: &Cpu, attention: &Attention<'_>, input: &AttentionInput<'_>, out: &mut [f32]) {
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
    let is_whole = input.sequences.iter().all(|sequence| sequence.start == 0);
    assert!(attention.rule.sight == Sight::Back || is_whole, "who sees ahead is of a whole sequence");
    let in_columns =
        |bias: DistanceBias<'_>| bias.own < bias.columns && bias.values.len() == attention.heads * bias.columns;
    assert!(attention.rule.bias.is_none_or(in_columns), "a bias for each head and column");
    let is_behind =
        |slopes: Slopes<'_>| slopes.of_heads.len() == attention.heads && attention.rule.sight == Sight::Back;
    assert!(attention.rule.slopes.is_none_or(is_behind), "a slope for each head, of keys that stand behind");
    let out = ColumnsMut::new(out, width);
    match input.kv {
        KvLayer::F32(kv) => attend(cpu, attention, input, kv, out),
        KvLayer::F16(kv) => attend(cpu, attention, input, kv, out),
        KvLayer::Q8_0(kv) => attend(cpu, attention, input, kv, out),
    }
}

fn attend<E: KvElement>(
    cpu: &Cpu,
    attention: &Attention<'_>,
    input: &AttentionInput<'_>,
    kv: &KvTensors<E>,
    out: ColumnsMut<'_>,
) {
    let group = attention.heads / kv.geometry().kv_heads;
    let largest = cpu.isa().run(FloatTileRows);
    let tiles = Tiles {
        attention,
        input,
        kv,
        stride: input.queries.len() / out.rows(),
        heads: Parts::at_most(group, largest),
        tokens_each: (largest / group.min(largest)).max(1),
        sequences: input.sequences.iter(),
        sequence: None,
        head_parts: 0..0,
        token_parts: 0..0,
        out,
        of_sequence: ColumnsMut::new(&mut [], 1),
        columns: ColumnsMut::new(&mut [], 1),
    };
    cpu.pool().for_each_with(cpu.attention_scratch(), tiles, |scratch, tile| cpu.isa().run(Attend { tile, scratch }));
}

/// Tiles of tokens times heads not handed out yet: sequence by sequence, head by head, first tokens first.
struct Tiles<'a, E: KvElement> {
    attention: &'a Attention<'a>,
    input: &'a AttentionInput<'a>,
    kv: &'a KvTensors<E>,
    /// Distance of two tokens in the queries.
    stride: usize,
    /// The query heads of one key and value head, cut to fit a tile.
    heads: Parts,
    /// Tokens that fit a tile beside them.
    tokens_each: usize,
    sequences: std::slice::Iter<'a, SequenceRows<'a>>,
    sequence: Option<&'a SequenceRows<'a>>,
    /// Parts of heads that are left of the sequence, over all key and value heads.
    head_parts: Range<usize>,
    /// Parts of tokens that are left of the current part of heads.
    token_parts: Range<usize>,
    out: ColumnsMut<'a>,
    of_sequence: ColumnsMut<'a>,
    columns: ColumnsMut<'a>,
}

impl<'a, E: KvElement> Iterator for Tiles<'a, E> {
    type Item = AttentionTile<'a, E>;

    fn next(&mut self) -> Option<AttentionTile<'a, E>> {
        while self.token_parts.is_empty() {
            if self.head_parts.is_empty() {
                let sequence = self.sequences.next()?;
                self.sequence = Some(sequence);
                self.of_sequence = self.out.take_rows(sequence.rows.len());
                self.head_parts = 0..self.kv.geometry().kv_heads * self.heads.count();
            }
            let heads = self.heads.of(self.head_parts.next()? % self.heads.count());
            self.columns = self.of_sequence.take_columns(heads.len() * self.kv.geometry().head_dim);
            self.token_parts = 0..self.tokens(self.sequence?).count();
        }
        let part = self.token_parts.next()?;
        Some(self.tile(self.sequence?, part))
    }
}

impl<'a, E: KvElement> Tiles<'a, E> {
    fn tokens(&self, sequence: &SequenceRows<'_>) -> Parts {
        Parts::at_most(sequence.rows.len(), self.tokens_each)
    }

    /// A part of the sequence's tokens, with the current part of heads.
    fn tile(&mut self, sequence: &'a SequenceRows<'a>, part: usize) -> AttentionTile<'a, E> {
        let (geometry, tokens) = (self.kv.geometry(), self.tokens(sequence).of(part));
        let head_part = self.head_parts.start - 1;
        let kv_head = head_part / self.heads.count();
        let first_head = kv_head * self.heads.things() + self.heads.of(head_part % self.heads.count()).start;
        let first = (sequence.rows.start + tokens.start) * self.stride;
        let (start, positions) = (sequence.start, sequence.start + sequence.rows.len());
        let end = self.attention.rule.end(start + tokens.end, positions);
        AttentionTile {
            kv: self.kv.head(kv_head),
            blocks: &sequence.blocks[..end.div_ceil(geometry.block_size)],
            start: start + tokens.start,
            end,
            queries: &self.input.queries[first + first_head * geometry.head_dim..],
            query_stride: self.stride,
            rule: self.attention.rule,
            first_head,
            out: self.columns.take_rows(tokens.len()),
        }
    }
}
