//! The block pool and the prefix cache as one account.
//!
//! Invariant: a block has a key exactly if the cache has an entry for it under that key.
//! Does not know sequences; block tables come here for every block they take, share or release.

use crate::block_pool::{BlockCounts, BlockPool};
use crate::planted_bug::PlantedBug;
use crate::prefix_cache::{Chain, EntryId, PrefixCache};
use crate::{BlockId, Token};

/// Every block of the pool and what is known about its content.
#[derive(Debug)]
pub(crate) struct KvLedger {
    pub(crate) pool: BlockPool,
    pub(crate) cache: PrefixCache,
    block_size: usize,
    window: Option<usize>,
}

/// A cached block that fits a sequence's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) block: BlockId,
    pub(crate) entry: EntryId,
}

impl KvLedger {
    /// `window` is how many positions a token sees, its own included, if not all before it.
    pub(crate) fn new(num_blocks: usize, block_size: usize, window: Option<usize>) -> Self {
        assert!(block_size > 0, "a block holds at least one position");
        assert!(window != Some(0), "a token sees itself");
        Self { pool: BlockPool::new(num_blocks), cache: PrefixCache::new(), block_size, window }
    }

    /// KV positions in a block.
    pub(crate) fn block_size(&self) -> usize {
        self.block_size
    }

    /// Blocks at the beginning of a text that nothing sees any more once its first `computed` positions are computed.
    pub(crate) fn blocks_behind(&self, computed: usize) -> usize {
        let next = computed + 1 + usize::from(self.pool.planted.is(PlantedBug::WindowTooShort));
        self.window.map_or(0, |window| next.saturating_sub(window).min(computed) / self.block_size)
    }

    pub(crate) fn counts(&self) -> BlockCounts {
        self.pool.counts()
    }

    /// Blocks that could be taken now.
    pub(crate) fn available(&self) -> usize {
        self.pool.available()
    }

    /// Takes a block for writing; the content it had is forgotten.
    pub(crate) fn take(&mut self) -> Option<BlockId> {
        let (block, key) = self.pool.take()?;
        if let Some(key) = key {
            self.cache.forget(&key);
        }
        Some(block)
    }

    /// Forgets a block's content before it is written over.
    pub(crate) fn forget(&mut self, block: BlockId) {
        if let Some(key) = self.pool.key(block) {
            self.cache.forget(&key);
            self.pool.clear_key(block);
        }
    }

    /// The longest run of cached blocks at the beginning of `tokens`, into `hits`.
    pub(crate) fn find(&self, chain: &mut Chain, tokens: &[Token], hits: &mut Vec<Hit>) {
        hits.clear();
        let mut reached = None;
        for (index, tokens) in tokens.chunks_exact(self.block_size).enumerate() {
            let key = chain.key(index, tokens, self.cache.key_of);
            let Some(entry) = self.cache.find(&key, chain.link(index, reached), tokens) else {
                return;
            };
            reached = Some(entry.id);
            hits.push(Hit { block: entry.block, entry: entry.id });
        }
    }

    /// Makes block `index` of a sequence findable, once its content is committed.
    ///
    /// Equal content that is findable already stays; a stale entry under the same key gives way.
    pub(crate) fn publish(&mut self, chain: &mut Chain, index: usize, tokens: &[Token], block: BlockId) {
        let key = chain.key(index, tokens, self.cache.key_of);
        let parent = chain.link(index, chain.reached);
        if let Some(entry) = self.cache.find(&key, parent, tokens) {
            chain.reached = Some(entry.id);
            return;
        }
        let (id, replaced) = self.cache.insert(key, parent, tokens, block);
        if let Some(replaced) = replaced {
            self.pool.clear_key(replaced);
        }
        self.pool.set_key(block, key);
        chain.reached = Some(id);
    }

    /// Panics if pool and cache disagree. O(blocks).
    pub(crate) fn check(&self) {
        self.pool.check();
        for (key, block) in self.cache.iter() {
            assert_eq!(self.pool.key(block), Some(*key), "the entry of {block:?} names its block");
        }
        let keyed = (0..self.counts().total).filter(|&block| self.pool.key(BlockId(block as u32)).is_some()).count();
        assert_eq!(keyed, self.cache.iter().count(), "every key has an entry");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::block_table::BlockTable;
    use crate::prefix_cache::{BlockKey, KeyFunction};

    const BLOCKS: usize = 10;
    const SIZE: usize = 2;

    /// One text computed from its first token that is not found to its end, over two roots and few tokens.
    #[derive(Clone, Debug)]
    struct Text {
        root: u8,
        tokens: Vec<Token>,
        /// Whether it stays and keeps its blocks used.
        stays: bool,
    }

    fn text() -> impl Strategy<Value = Text> {
        let tokens = prop::collection::vec(0..2u32, SIZE..4 * SIZE);
        (0..2u8, tokens, prop::bool::weighted(0.2)).prop_map(|(root, tokens, stays)| Text { root, tokens, stays })
    }

    /// What each block holds: the root and the whole text up to its end.
    type Contents = BTreeMap<BlockId, (u8, Vec<Token>)>;

    fn run(texts: &[Text], key_of: Option<KeyFunction>) {
        let mut ledger = KvLedger::new(BLOCKS, SIZE, None);
        ledger.cache.key_of = key_of.unwrap_or(ledger.cache.key_of);
        let (mut contents, mut staying, mut hits) = (Contents::new(), Vec::new(), Vec::new());
        for text in texts {
            let mut chain = Chain::new([text.root; 32]);
            ledger.find(&mut chain, &text.tokens, &mut hits);
            for (index, hit) in hits.iter().enumerate() {
                let upto = text.tokens[..(index + 1) * SIZE].to_vec();
                assert_eq!(contents[&hit.block], (text.root, upto), "a hit holds this text and no other");
            }
            let mut table = BlockTable::default();
            table.begin(&mut ledger, &hits);
            chain.reached = hits.last().map(|hit| hit.entry);
            let (start, end) = (hits.len() * SIZE, text.tokens.len() / SIZE * SIZE);
            if table.room(&ledger, start, end - start) == end - start {
                table.extend(&mut ledger, start, end);
                for index in hits.len()..end / SIZE {
                    let upto = text.tokens[..(index + 1) * SIZE].to_vec();
                    contents.insert(table.block(index), (text.root, upto));
                    ledger.publish(&mut chain, index, &text.tokens[index * SIZE..][..SIZE], table.block(index));
                }
                ledger.find(&mut Chain::new([text.root; 32]), &text.tokens, &mut hits);
                assert!(key_of.is_some() || hits.len() == end / SIZE, "what was published is found");
            }
            ledger.check();
            if text.stays {
                staying.push(table);
            } else {
                table.release(&mut ledger);
            }
            ledger.check();
        }
        for table in &mut staying {
            table.release(&mut ledger);
        }
        assert_eq!(ledger.counts().used, 0);
    }

    proptest! {
        #[test]
        fn a_hit_is_the_same_text(texts in prop::collection::vec(text(), 1..60)) {
            run(&texts, None);
        }

        #[test]
        fn a_hit_is_the_same_text_even_if_keys_collide(texts in prop::collection::vec(text(), 1..60)) {
            run(&texts, Some(|_, tokens| BlockKey([(tokens[0] % 2) as u8; 32])));
        }
    }
}
