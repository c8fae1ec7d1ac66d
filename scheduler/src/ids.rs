//! The numbers that name things: tokens, sequences, blocks.

/// A token id, an index into the model's vocabulary.
pub type Token = u32;

/// One sequence, for as long as the process lives. Made by the caller, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqId(pub u64);

/// One block of the KV pool: `block_size` positions of every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

impl BlockId {
    /// The block's index into the pool.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
