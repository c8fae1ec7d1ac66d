//! Attention of whole sequences whose scores are products of tokens, and of tokens and distances.

use super::sequences::{SequenceRows, check_rows};
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::disentangled_attention::{DisentangledHead, DisentangledScores, DistanceVectors};
use crate::kernels::cpu::whole_head::WholeHead;
use crate::kv_cache::is_head_dim;

/// One step's input to a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct DisentangledInput<'a> {
    /// Heads of queries, keys and values.
    pub heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// `[rows, 3 * heads * head_dim]`: queries, keys and values.
    pub qkv: &'a [f32],
    /// Whose rows these are.
    pub sequences: &'a [SequenceRows<'a>],
    /// The layer's, for all heads.
    pub vectors: DistanceVectors<'a>,
}

/// Each row sees all of its sequence; out is `[rows, heads * head_dim]`.
pub fn disentangled_attention(cpu: &Cpu, input: &DisentangledInput<'_>, out: &mut [f32]) {
    let DisentangledInput { heads, head_dim, qkv, sequences, vectors } = *input;
    let width = heads * head_dim;
    assert!(width > 0 && is_head_dim(head_dim), "{heads} heads of {head_dim}");
    assert!(out.len().is_multiple_of(width) && qkv.len() == 3 * out.len(), "whole rows");
    check_rows(sequences, out.len() / width);
    let rows = vectors.keys.len() / width;
    assert!(vectors.keys.len() == rows * width && vectors.queries.len() == rows * width, "a key for each query");
    assert!(vectors.places.iter().all(|place| (*place as usize) < rows), "distances have rows");
    let most = vectors.places.len().div_ceil(2);
    assert!(sequences.iter().all(|sequence| sequence.rows.len() <= most), "a place for each distance of {most} tokens");
    // as for one product, which is a third as large as three
    let scale = 1.0 / ((3 * head_dim) as f32).sqrt();
    let mut left = ColumnsMut::new(out, width);
    let items = sequences.iter().flat_map(|sequence| {
        let mut of_sequence = left.take_rows(sequence.rows.len());
        let qkv = &qkv[3 * width * sequence.rows.start..3 * width * sequence.rows.end];
        (0..heads).map(move |head| {
            let out = of_sequence.take_columns(head_dim);
            let head = WholeHead { qkv, width, first: head * head_dim, head_dim };
            DisentangledHead { scores: DisentangledScores { head, vectors, scale }, out }
        })
    });
    cpu.pool().for_each(items, |head| cpu.isa().run(head));
}
