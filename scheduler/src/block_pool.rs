//! Who owns which KV block, as numbers.
//!
//! Invariant: free + cached + used blocks = the pool, after every call. A used block stands in at least one table; a
//! cached one in none, but its content and key are kept; a free one has neither.
//! Order: free blocks first, then the cached block released longest ago. Every call is O(1).
//! Does not touch tensors, does not know tokens, and never decides who gets a block.

use crate::planted_bug::{Planted, PlantedBug};
use crate::{BlockId, prefix_cache::BlockKey};

/// Blocks by state; the three states add up to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// In the pool.
    pub total: usize,
    /// In at least one sequence's table.
    pub used: usize,
    /// In no table, their content kept for a later prefix.
    pub cached: usize,
    /// In no table, nothing kept.
    pub free: usize,
}

/// All blocks and their states.
#[derive(Debug)]
pub(crate) struct BlockPool {
    blocks: Vec<Block>,
    free: Vec<BlockId>,
    oldest: Option<BlockId>,
    newest: Option<BlockId>,
    cached: usize,
    used: usize,
    pub(crate) planted: Planted,
}

/// One block. `older` and `newer` link the cached blocks in order of release.
#[derive(Clone, Debug, Default)]
struct Block {
    references: u32,
    key: Option<BlockKey>,
    older: Option<BlockId>,
    newer: Option<BlockId>,
}

impl BlockPool {
    pub(crate) fn new(num_blocks: usize) -> Self {
        let num_blocks = u32::try_from(num_blocks).expect("a block id is 32 bits");
        Self {
            blocks: vec![Block::default(); num_blocks as usize],
            free: (0..num_blocks).rev().map(BlockId).collect(),
            oldest: None,
            newest: None,
            cached: 0,
            used: 0,
            planted: Planted::default(),
        }
    }

    pub(crate) fn counts(&self) -> BlockCounts {
        BlockCounts { total: self.blocks.len(), used: self.used, cached: self.cached, free: self.free.len() }
    }

    /// Blocks that [`Self::take`] could hand out.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.cached
    }

    /// Hands out a block with one reference, and the key it lost if it was cached.
    pub(crate) fn take(&mut self) -> Option<(BlockId, Option<BlockKey>)> {
        let block = match self.free.pop() {
            Some(block) => block,
            None => self.unlink(self.oldest?),
        };
        self.used += 1;
        let entry = &mut self.blocks[block.index()];
        entry.references = 1;
        Some((block, entry.key.take()))
    }

    /// Adds a reference to a used or cached block.
    pub(crate) fn share(&mut self, block: BlockId) {
        if self.references(block) == 0 {
            assert!(self.key(block).is_some(), "a free block cannot be shared");
            if !self.planted.is(PlantedBug::EvictReferenced) {
                self.unlink(block);
            }
            self.used += 1;
        }
        self.blocks[block.index()].references += 1;
    }

    /// Drops a reference; after the last one the block is cached if it has a key, else free.
    pub(crate) fn release(&mut self, block: BlockId) {
        let entry = &mut self.blocks[block.index()];
        assert!(entry.references > 0, "a block is released once for each reference");
        entry.references -= 1;
        if entry.references > 0 {
            return;
        }
        self.used -= 1;
        if self.key(block).is_some() {
            self.link(block);
        } else {
            self.free.push(block);
        }
    }

    /// Tables that hold the block.
    pub(crate) fn references(&self, block: BlockId) -> u32 {
        self.blocks[block.index()].references
    }

    /// The key under which the block's content can be found.
    pub(crate) fn key(&self, block: BlockId) -> Option<BlockKey> {
        self.blocks[block.index()].key
    }

    /// Gives a used block a key.
    pub(crate) fn set_key(&mut self, block: BlockId, key: BlockKey) {
        let entry = &mut self.blocks[block.index()];
        assert!(entry.references > 0 && entry.key.is_none(), "only a used block without a key gets one");
        entry.key = Some(key);
    }

    /// Takes a block's key away; a cached block becomes free.
    pub(crate) fn clear_key(&mut self, block: BlockId) {
        if self.blocks[block.index()].key.take().is_some() && self.references(block) == 0 {
            self.unlink(block);
            self.free.push(block);
        }
    }

    /// Panics unless every block is in exactly one state and the counts say so. O(blocks).
    pub(crate) fn check(&self) {
        let counts = self.counts();
        assert_eq!(counts.used + counts.cached + counts.free, counts.total, "the ledger adds up: {counts:?}");
        assert_eq!(self.blocks.iter().filter(|block| block.references > 0).count(), counts.used, "used blocks");
        let mut seen = vec![false; self.blocks.len()];
        for block in &self.free {
            let entry = &self.blocks[block.index()];
            assert!(entry.references == 0 && entry.key.is_none(), "{block:?} is free");
            assert!(!std::mem::replace(&mut seen[block.index()], true), "{block:?} is free once");
        }
        let (mut cached, mut newer, mut cursor) = (0, None, self.newest);
        while let Some(block) = cursor {
            let entry = &self.blocks[block.index()];
            assert!(entry.references == 0 && entry.key.is_some(), "{block:?} is cached");
            assert!(!std::mem::replace(&mut seen[block.index()], true), "{block:?} is cached once");
            assert_eq!(entry.newer, newer, "links go both ways");
            (cached, newer, cursor) = (cached + 1, Some(block), entry.older);
        }
        assert_eq!((cached, newer), (counts.cached, self.oldest), "the list of cached blocks is whole");
    }

    /// Appends a block to the cached ones, as the newest.
    fn link(&mut self, block: BlockId) {
        let older = self.newest.replace(block);
        match older {
            Some(older) => self.blocks[older.index()].newer = Some(block),
            None => self.oldest = Some(block),
        }
        self.blocks[block.index()].older = older;
        self.cached += 1;
    }

    /// Removes a block from anywhere among the cached ones.
    fn unlink(&mut self, block: BlockId) -> BlockId {
        let entry = &mut self.blocks[block.index()];
        let (older, newer) = (entry.older.take(), entry.newer.take());
        match older {
            Some(older) => self.blocks[older.index()].newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.blocks[newer.index()].older = older,
            None => self.newest = older,
        }
        self.cached -= 1;
        block
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCKS: usize = 6;

    /// What may happen to a pool; numbers choose among what is possible.
    #[derive(Clone, Debug)]
    enum Operation {
        Take,
        Share(usize),
        Release(usize),
        SetKey(usize),
        ClearKey(usize),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            3 => Just(Operation::Take),
            2 => any::<usize>().prop_map(Operation::Share),
            4 => any::<usize>().prop_map(Operation::Release),
            3 => any::<usize>().prop_map(Operation::SetKey),
            1 => any::<usize>().prop_map(Operation::ClearKey),
        ]
    }

    /// The pool again, as plainly as can be: references and keys by block, and the order of release.
    #[derive(Default)]
    struct Model {
        references: [u32; BLOCKS],
        keys: [Option<BlockKey>; BLOCKS],
        released: Vec<BlockId>,
        next_key: u8,
    }

    impl Model {
        fn choose(&self, number: usize, wanted: impl Fn(&Self, usize) -> bool) -> Option<BlockId> {
            let possible: Vec<usize> = (0..BLOCKS).filter(|&block| wanted(self, block)).collect();
            (!possible.is_empty()).then(|| BlockId(possible[number % possible.len()] as u32))
        }

        fn apply(&mut self, pool: &mut BlockPool, operation: &Operation) {
            match *operation {
                Operation::Take => self.take(pool),
                Operation::Share(number) => {
                    let Some(block) = self.choose(number, |it, at| it.references[at] > 0 || it.keys[at].is_some())
                    else {
                        return;
                    };
                    pool.share(block);
                    self.references[block.index()] += 1;
                    self.released.retain(|&other| other != block);
                }
                Operation::Release(number) => {
                    let Some(block) = self.choose(number, |it, at| it.references[at] > 0) else { return };
                    pool.release(block);
                    self.references[block.index()] -= 1;
                    if self.references[block.index()] == 0 && self.keys[block.index()].is_some() {
                        self.released.push(block);
                    }
                }
                Operation::SetKey(number) => {
                    let keyless = |it: &Self, at: usize| it.references[at] > 0 && it.keys[at].is_none();
                    let Some(block) = self.choose(number, keyless) else { return };
                    self.next_key = self.next_key.wrapping_add(1);
                    let key = BlockKey([self.next_key; 32]);
                    pool.set_key(block, key);
                    self.keys[block.index()] = Some(key);
                }
                Operation::ClearKey(number) => {
                    let Some(block) = self.choose(number, |it, at| it.keys[at].is_some()) else { return };
                    pool.clear_key(block);
                    self.keys[block.index()] = None;
                    self.released.retain(|&other| other != block);
                }
            }
        }

        fn take(&mut self, pool: &mut BlockPool) {
            let free = self.choose(0, |it, at| it.references[at] == 0 && it.keys[at].is_none());
            let Some((block, key)) = pool.take() else {
                assert!(free.is_none() && self.released.is_empty(), "what is left can be taken");
                return;
            };
            assert_eq!(self.references[block.index()], 0, "nobody holds a block that is taken");
            assert_eq!(key, self.keys[block.index()].take(), "the key it had is told");
            match free {
                Some(_) => assert_eq!(key, None, "free blocks go first"),
                None => assert_eq!(block, self.released.remove(0), "then the one released longest ago"),
            }
            self.references[block.index()] = 1;
        }

        fn counts(&self) -> BlockCounts {
            let used = self.references.iter().filter(|&&count| count > 0).count();
            let cached = self.released.len();
            BlockCounts { total: BLOCKS, used, cached, free: BLOCKS - used - cached }
        }
    }

    proptest! {
        #[test]
        fn a_pool_equals_its_plain_model(operations in prop::collection::vec(operation(), 1..200)) {
            let (mut pool, mut model) = (BlockPool::new(BLOCKS), Model::default());
            for operation in &operations {
                model.apply(&mut pool, operation);
                pool.check();
                prop_assert_eq!(pool.counts(), model.counts());
                prop_assert_eq!(pool.available(), model.counts().cached + model.counts().free);
            }
        }
    }

    #[test]
    #[should_panic(expected = "released once for each reference")]
    fn a_double_free_is_noticed() {
        let mut pool = BlockPool::new(1);
        let (block, _) = pool.take().unwrap();
        pool.release(block);
        pool.release(block);
    }
}
