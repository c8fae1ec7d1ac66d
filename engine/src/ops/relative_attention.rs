//! Attention of whole sequences whose scores know the distance of two tokens and whether they are of one segment.

use super::sequences::{SequenceRows, check_rows};
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::relative_attention::{RelativeHead, RelativeScores, RelativeTerms};
use crate::kernels::cpu::whole_head::WholeHead;
use crate::kv_cache::is_head_dim;

/// One step's input to a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct RelativeInput<'a> {
    /// Heads of queries, keys and values.
    pub heads: usize,
    /// `[rows, 3 * heads * head_dim]`: queries, keys and values.
    pub qkv: &'a [f32],
    /// `[distances, heads * head_dim]`: see [`RelativeScores::distances`].
    pub distances: &'a [f32],
    /// `[rows]`: tokens with the same number are of one segment.
    pub segments: &'a [u8],
    /// Whose rows these are.
    pub sequences: &'a [SequenceRows<'a>],
    /// The layer's.
    pub terms: RelativeTerms<'a>,
}

/// Each row sees all of its sequence; out is `[rows, heads * head_dim]`.
pub fn relative_attention(cpu: &Cpu, input: &RelativeInput<'_>, out: &mut [f32]) {
    let RelativeInput { heads, qkv, distances, segments, sequences, terms } = *input;
    let (width, rows) = (terms.content.len(), segments.len());
    let head_dim = width / heads;
    assert!(heads * head_dim == width && is_head_dim(head_dim), "{width} columns are no {heads} heads");
    assert!(out.len() == rows * width && qkv.len() == 3 * out.len(), "whole rows");
    assert!([terms.distance, terms.segment].iter().all(|term| term.len() == width), "terms for all heads");
    assert_eq!(terms.segments.len(), 2 * width, "a vector of the same segment and one of another");
    assert!(distances.len().is_multiple_of(width) && distances.len() / width % 2 == 1, "as many ahead as behind");
    check_rows(sequences, rows);
    let scale = 1.0 / (head_dim as f32).sqrt();
    let mut left = ColumnsMut::new(out, width);
    let items = sequences.iter().flat_map(|sequence| {
        let mut of_sequence = left.take_rows(sequence.rows.len());
        let qkv = &qkv[3 * width * sequence.rows.start..3 * width * sequence.rows.end];
        let segments = &segments[sequence.rows.clone()];
        (0..heads).map(move |head| {
            let out = of_sequence.take_columns(head_dim);
            let head = WholeHead { qkv, width, first: head * head_dim, head_dim };
            RelativeHead { scores: RelativeScores { head, distances, segments, terms, scale }, out }
        })
    });
    cpu.pool().for_each(items, |head| cpu.isa().run(head));
}
