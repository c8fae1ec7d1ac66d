//! Norms one sequence's queries and keys, turns them by their positions, and stores keys and values in its blocks; a model
//! may do without norms and turns.

use scheduler::BlockId;

use super::kv_element::KvElement;
use super::norm_row::{RowNorm, norm_row};
use super::simd::{Kernel, Simd};
use crate::kernels::columns_mut::ColumnsMut;
use crate::kv_cache::KvHeadMut;

/// Norms of heads: `[head_dim]` weights for all, or as many for each.
#[derive(Clone, Copy, Debug)]
pub struct QueryKeyNorms<'a> {
    /// Of queries.
    pub query: RowNorm<'a>,
    /// Of keys.
    pub key: RowNorm<'a>,
}

impl QueryKeyNorms<'_> {
    /// Those of a key head, and of the query heads that share it: so many elements.
    #[must_use]
    pub fn of_head(self, head: usize, head_dim: usize, query_width: usize) -> Self {
        let own = |width: usize| head * width..(head + 1) * width;
        let Self { mut query, mut key } = self;
        if query.weight.len() > head_dim {
            query = query.part(own(query_width));
        }
        if key.weight.len() > head_dim {
            key = key.part(own(head_dim));
        }
        Self { query, key }
    }
}

/// Rows of one sequence, for one key and value head.
#[derive(Debug)]
pub struct StoreKv<'a, 'b, E: KvElement> {
    /// Where heads are normed.
    pub norms: Option<QueryKeyNorms<'a>>,
    /// Where heads turn: cosines and sines, `[rows, pairs]` each.
    pub angles: Option<(&'a [f32], &'a [f32])>,
    /// Queries that share the head, `[rows, heads * head_dim]`: turned in place.
    pub queries: ColumnsMut<'a>,
    /// `[rows, head_dim]`: turned in place.
    pub keys: ColumnsMut<'a>,
    /// `[rows, head_dim]`
    pub values: ColumnsMut<'a>,
    /// The sequence's blocks in order.
    pub blocks: &'a [BlockId],
    /// Position of the first row.
    pub start: usize,
    /// Where they are stored.
    pub kv: &'a mut KvHeadMut<'b, E>,
}

impl<E: KvElement> Kernel for StoreKv<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let head_dim = self.keys.columns();
        let block_size = self.kv.geometry().block_size;
        for row in 0..self.keys.rows() {
            if let Some(norms) = self.norms {
                norm_heads(simd, self.queries.row_mut(row), head_dim, norms.query);
                norm_heads(simd, self.keys.row_mut(row), head_dim, norms.key);
            }
            if let Some((cosines, sines)) = self.angles {
                let pairs = cosines.len() / self.keys.rows();
                let angles = (&cosines[row * pairs..][..pairs], &sines[row * pairs..][..pairs]);
                rotate(self.queries.row_mut(row), head_dim, angles);
                rotate(self.keys.row_mut(row), head_dim, angles);
            }
            let position = self.start + row;
            let place = (self.blocks[position / block_size], position % block_size);
            self.kv.write(simd, place, self.keys.row_mut(row), self.values.row_mut(row));
        }
    }
}

/// Norms each head of a row `[heads, head_dim]`, with the same weights or its own.
#[inline(always)]
fn norm_heads<S: Simd>(simd: S, heads: &mut [f32], head_dim: usize, norm: RowNorm<'_>) {
    for (index, head) in heads.chunks_exact_mut(head_dim).enumerate() {
        let first = (index * head_dim) % norm.weight.len();
        norm_row(simd, head, norm.part(first..first + head_dim));
    }
}

/// Turns the first elements of each head of a row `[heads, head_dim]` by cosines and sines, one of each for two elements.
#[inline(always)]
pub(crate) fn rotate(heads: &mut [f32], head_dim: usize, (cosines, sines): (&[f32], &[f32])) {
    for head in heads.chunks_exact_mut(head_dim) {
        let (first, second) = head.split_at_mut(cosines.len());
        for (((a, b), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
            (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
        }
    }
}
