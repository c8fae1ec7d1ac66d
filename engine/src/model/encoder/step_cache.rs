//! Keys and values of one step in one layer: each layer writes over those of the layer before.
//!
//! Sequences take blocks one after another from the first on. Room grows to what the largest step needs.

use scheduler::BlockId;

use crate::kv_cache::{KvCache, KvDtype, KvGeometry, KvLayer};
use crate::ops::sequences::SequenceRows;

/// Positions of a block: a tile of keys.
pub(crate) const BLOCK_SIZE: usize = 16;

/// The room, as f32.
#[derive(Debug)]
pub(super) struct StepCache {
    cache: KvCache,
    /// All blocks in order.
    blocks: Vec<BlockId>,
}

/// A step's sequences in the room.
#[derive(Debug)]
pub(super) struct LaidOut<'a> {
    pub(super) sequences: Vec<SequenceRows<'a>>,
    pub(super) kv: &'a mut KvLayer,
}

impl StepCache {
    pub(super) fn new(heads: usize, head_dim: usize) -> Self {
        let geometry =
            KvGeometry { layers: 1, blocks: 1, block_size: BLOCK_SIZE, kv_heads: heads, head_dim, dtype: KvDtype::F32 };
        Self { cache: KvCache::new(geometry), blocks: vec![BlockId(0)] }
    }

    /// Gives blocks to all sequences of a step.
    pub(super) fn lay_out<'a>(&'a mut self, sequences: &[SequenceRows<'_>]) -> LaidOut<'a> {
        let blocks_of = |sequence: &SequenceRows<'_>| sequence.rows.len().div_ceil(BLOCK_SIZE);
        let needed: usize = sequences.iter().map(blocks_of).sum();
        let geometry = *self.cache.geometry();
        if needed > geometry.blocks {
            self.cache = KvCache::new(KvGeometry { blocks: needed, ..geometry });
            self.blocks = (0..needed as u32).map(BlockId).collect();
        }
        let mut left = self.blocks.as_slice();
        let laid_out = |sequence: &SequenceRows<'_>| {
            let (blocks, rest) = left.split_at(blocks_of(sequence));
            left = rest;
            SequenceRows { rows: sequence.rows.clone(), start: 0, blocks }
        };
        LaidOut { sequences: sequences.iter().map(laid_out).collect(), kv: self.cache.layer_mut(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sequences_share_a_block_and_room_grows() {
        let mut cache = StepCache::new(2, 16);
        for lengths in [vec![3_usize], vec![16, 17, 1], vec![5, 5]] {
            let mut start = 0;
            let sequences: Vec<_> = lengths
                .iter()
                .map(|length| {
                    start += length;
                    SequenceRows { rows: start - length..start, start: 0, blocks: &[] }
                })
                .collect();
            let laid_out = cache.lay_out(&sequences);
            let counts: Vec<_> = laid_out.sequences.iter().map(|sequence| sequence.blocks.len()).collect();
            assert_eq!(counts, lengths.iter().map(|length: &usize| length.div_ceil(16)).collect::<Vec<_>>());
            let mut taken: Vec<_> = laid_out.sequences.iter().flat_map(|sequence| sequence.blocks).collect();
            let all = taken.len();
            taken.dedup();
            assert_eq!(taken.len(), all);
            assert!(laid_out.kv.geometry().blocks >= all);
        }
    }
}
