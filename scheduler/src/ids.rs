//! The numbers that name things: tokens, sequences, blocks.

/// A token id, an index into the model's vocabulary.
pub type Token = u32;

/// One sequence, for as long as the process lives. Made by the caller, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqId(pub u64);

/// One block of a KV pool: `block_size` positions of every layer that uses the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

impl BlockId {
    /// The block's index into its pool.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which pool a block is of. Most models have the first alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvPool {
    /// Of all layers; or, where there is another, of those that see all positions.
    #[default]
    Main,
    /// Of layers that see a window only, beside others that see all.
    Windowed,
}

impl KvPool {
    /// As messages and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Windowed => "windowed",
        }
    }

    /// Its place in a list of both.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}
