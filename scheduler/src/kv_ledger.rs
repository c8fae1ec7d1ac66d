//! The block pools and the prefix cache as one account.
//!
//! Invariant: a block has a key exactly if the cache has an entry for it under that key. An entry lives as long as a block of
//! the first pool has its text; those of the second pool, for layers that see a window only, come and go beside it.
//! Where several blocks of a pool have an equal text, tables hold all of them, and the last one to be given back is kept: a
//! text is found as long as any block has it and the text before it is found, and no two are kept for it.
//! Does not know sequences; block tables come here for every block they take, share or release.

use crate::block_pool::{BlockCounts, BlockPool};
use crate::planted_bug::{Planted, PlantedBug};
use crate::prefix_cache::{BlockKey, Chain, Entry, EntryId, Link, PrefixCache};
use crate::{BlockId, KvPool, Token, WindowedPool};

/// Every block of the pools and what is known about its content.
#[derive(Debug)]
pub(crate) struct KvLedger {
    main: LayersPool,
    windowed: Option<LayersPool>,
    pub(crate) cache: PrefixCache,
    block_size: usize,
    pub(crate) planted: Planted,
}

/// The blocks of some layers, and the positions that a token sees there, if not all before it.
#[derive(Debug)]
struct LayersPool {
    blocks: BlockPool,
    window: Option<usize>,
}

/// A cached block that fits a sequence's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) block: BlockId,
    /// Its like of the second pool, as long as that is kept.
    pub(crate) windowed: Option<BlockId>,
    pub(crate) entry: EntryId,
}

impl Hit {
    /// What it found in a pool.
    pub(crate) fn block_in(&self, pool: KvPool) -> Option<BlockId> {
        match pool {
            KvPool::Main => Some(self.block),
            KvPool::Windowed => self.windowed,
        }
    }
}

impl LayersPool {
    fn new(num_blocks: usize, window: Option<usize>) -> Self {
        assert!(window != Some(0), "a token sees itself");
        Self { blocks: BlockPool::new(num_blocks), window }
    }
}

impl KvLedger {
    /// `window` is how many positions a token sees in the layers of the first pool, its own included, if not all before it.
    pub(crate) fn new(
        num_blocks: usize,
        block_size: usize,
        window: Option<usize>,
        windowed: Option<WindowedPool>,
    ) -> Self {
        assert!(block_size > 0, "a block holds at least one position");
        assert!(window.is_none() || windowed.is_none(), "windows beside others that see all");
        Self {
            main: LayersPool::new(num_blocks, window),
            windowed: windowed.map(|pool| LayersPool::new(pool.num_blocks, Some(pool.window))),
            cache: PrefixCache::new(),
            block_size,
            planted: Planted::default(),
        }
    }

    /// KV positions in a block.
    pub(crate) fn block_size(&self) -> usize {
        self.block_size
    }

    /// Whether there is a second pool.
    pub(crate) fn has_windowed(&self) -> bool {
        self.windowed.is_some()
    }

    /// One of the pools that there are.
    pub(crate) fn pool(&self, pool: KvPool) -> &BlockPool {
        &self.layers(pool).blocks
    }

    /// The same, to change it.
    pub(crate) fn pool_mut(&mut self, pool: KvPool) -> &mut BlockPool {
        let layers = match pool {
            KvPool::Main => &mut self.main,
            KvPool::Windowed => self.windowed.as_mut().expect("who names a pool has blocks of it"),
        };
        &mut layers.blocks
    }

    /// Blocks of a pool at the beginning of a text that nothing sees any more once its first `computed` positions are
    /// computed.
    pub(crate) fn blocks_behind(&self, pool: KvPool, computed: usize) -> usize {
        let next = computed + 1 + usize::from(self.planted.is(PlantedBug::WindowTooShort(pool)));
        self.layers(pool).window.map_or(0, |window| next.saturating_sub(window).min(computed) / self.block_size)
    }

    /// None of a pool that there is not.
    pub(crate) fn counts(&self, pool: KvPool) -> BlockCounts {
        match pool {
            KvPool::Main => self.main.blocks.counts(),
            KvPool::Windowed => self.windowed.as_ref().map(|layers| layers.blocks.counts()).unwrap_or_default(),
        }
    }

    /// Blocks that could be taken now.
    pub(crate) fn available(&self, pool: KvPool) -> usize {
        self.pool(pool).available()
    }

    /// Takes a block for writing; the content it had is forgotten.
    pub(crate) fn take(&mut self, pool: KvPool) -> Option<BlockId> {
        let (block, key) = self.pool_mut(pool).take()?;
        if let Some(key) = key {
            self.lose(pool, &key, block);
        }
        Some(block)
    }

    /// Gives back what a table held. If others have the same text, nothing of it is kept.
    pub(crate) fn release(&mut self, pool: KvPool, block: BlockId) {
        self.pool_mut(pool).release(block);
        let blocks = self.pool(pool);
        let kept = blocks.key(block).filter(|_| blocks.references(block) == 0);
        let has_equal = kept.is_some_and(|key| self.cache.blocks(&key, pool).len() > 1);
        if has_equal && !self.planted.is(PlantedBug::EqualBlocksKept) {
            self.forget(pool, block);
        }
    }

    /// Forgets a block's content: it is about to be written over, or others have it.
    pub(crate) fn forget(&mut self, pool: KvPool, block: BlockId) {
        if let Some(key) = self.pool(pool).key(block) {
            self.lose(pool, &key, block);
            self.pool_mut(pool).clear_key(block);
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
            let first = |pool| entry.blocks(pool).first().copied();
            let block = first(KvPool::Main).expect("an entry has a block of the first pool");
            hits.push(Hit { block, windowed: first(KvPool::Windowed), entry: entry.id });
        }
    }

    /// Cuts hits back to what a sequence can begin with, `most` positions or fewer: of the second pool all that is seen from
    /// behind them has to be there. Returns how many positions that are.
    pub(crate) fn cut(&self, hits: &mut Vec<Hit>, most: usize) -> usize {
        let usable = if self.has_windowed() { self.whole_windows(hits, most) } else { most };
        hits.truncate(usable.div_ceil(self.block_size));
        usable
    }

    fn whole_windows(&self, hits: &[Hit], most: usize) -> usize {
        let (mut usable, mut unbroken) = (0, 0);
        for (index, hit) in hits.iter().enumerate() {
            if hit.windowed.is_none() {
                unbroken = index + 1;
            }
            let positions = most.min((index + 1) * self.block_size);
            if self.blocks_behind(KvPool::Windowed, positions) >= unbroken {
                usable = positions;
            }
        }
        usable
    }

    /// Makes block `index` of a sequence findable, in each pool, once its content is committed.
    pub(crate) fn publish(
        &mut self,
        chain: &mut Chain,
        index: usize,
        tokens: &[Token],
        (block, windowed): (BlockId, Option<BlockId>),
    ) {
        let key = chain.key(index, tokens, self.cache.key_of);
        let parent = chain.link(index, chain.reached);
        let known = self.cache.find(&key, parent, tokens).map(|entry| entry.id);
        chain.reached = Some(known.unwrap_or_else(|| self.enter(key, parent, tokens)));
        self.hold(KvPool::Main, block, key);
        if let Some(block) = windowed {
            self.hold(KvPool::Windowed, block, key);
        }
    }

    /// Puts a bug in force, to see it caught.
    #[cfg(test)]
    pub(crate) fn plant(&mut self, planted: Planted) {
        self.planted = planted;
        self.cache.planted = planted;
        self.main.blocks.planted = planted;
        if let Some(layers) = &mut self.windowed {
            layers.blocks.planted = planted;
        }
    }

    /// Panics if pools and cache disagree. O(blocks).
    pub(crate) fn check(&self) {
        self.check_pool(KvPool::Main);
        if self.has_windowed() {
            self.check_pool(KvPool::Windowed);
        }
        let has_block = |entry: &Entry| !entry.blocks(KvPool::Main).is_empty();
        assert!(self.cache.iter().all(|(_, entry)| has_block(entry)), "an entry has a block of the first pool");
    }

    fn check_pool(&self, pool: KvPool) {
        let blocks = self.pool(pool);
        blocks.check();
        let mut named = 0;
        for (key, entry) in self.cache.iter() {
            let equal = entry.blocks(pool);
            named += equal.len();
            assert!(
                equal.iter().all(|&block| blocks.key(block) == Some(*key)),
                "{equal:?} have the key of their entry"
            );
            let are_used = equal.iter().all(|&block| blocks.references(block) > 0);
            assert!(are_used || equal.len() == 1, "of {equal:?} no more than one is kept");
        }
        let keyed = (0..blocks.counts().total).filter(|&block| blocks.key(BlockId(block as u32)).is_some()).count();
        assert_eq!(keyed, named, "every key has an entry");
    }

    fn layers(&self, pool: KvPool) -> &LayersPool {
        match pool {
            KvPool::Main => &self.main,
            KvPool::Windowed => self.windowed.as_ref().expect("who names a pool has blocks of it"),
        }
    }

    /// Makes an entry for blocks that come next; a stale one under the same key gives way.
    fn enter(&mut self, key: BlockKey, parent: Link, tokens: &[Token]) -> EntryId {
        let (id, replaced) = self.cache.insert(key, parent, tokens);
        for pool in [KvPool::Main, KvPool::Windowed] {
            for &block in replaced.iter().flat_map(|entry| entry.blocks(pool)) {
                self.pool_mut(pool).clear_key(block);
            }
        }
        id
    }

    /// Counts a block that a table holds among those that have the text of a key. One that no table holds gives way to it: it
    /// would be the first to be reused.
    fn hold(&mut self, pool: KvPool, block: BlockId, key: BlockKey) {
        let equal = self.cache.blocks(&key, pool);
        if equal.contains(&block) {
            return;
        }
        let stale = equal.iter().copied().find(|&other| self.pool(pool).references(other) == 0);
        self.cache.add(&key, pool, block);
        self.pool_mut(pool).set_key(block, key);
        if let Some(stale) = stale {
            self.forget(pool, stale);
        }
    }

    /// Tells the cache that a block of a pool does not have any more what is known under its key.
    fn lose(&mut self, pool: KvPool, key: &BlockKey, block: BlockId) {
        if pool == KvPool::Windowed && self.planted.is(PlantedBug::WindowedFoundAfterReuse) {
            return;
        }
        let ended = self.cache.remove(key, pool, block);
        for &block in ended.iter().flat_map(|entry| entry.blocks(KvPool::Windowed)) {
            self.pool_mut(KvPool::Windowed).clear_key(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::block_table::BlockTable;
    use crate::kv_tables::KvTables;
    use crate::prefix_cache::KeyFunction;

    const BLOCKS: usize = 10;
    const SIZE: usize = 2;
    const POOLS: [KvPool; 2] = [KvPool::Main, KvPool::Windowed];

    /// One text computed from its first token that is not found to its end, over two roots and few tokens.
    #[derive(Clone, Debug)]
    struct Text {
        root: u8,
        tokens: Vec<Token>,
        /// Whether it stays and keeps its blocks used.
        stays: bool,
    }

    fn text() -> impl Strategy<Value = Text> {
        let tokens = prop::collection::vec(0..2u32, SIZE..5 * SIZE);
        (0..2u8, tokens, prop::bool::weighted(0.2)).prop_map(|(root, tokens, stays)| Text { root, tokens, stays })
    }

    fn windowed() -> impl Strategy<Value = Option<WindowedPool>> {
        let pool = (1..BLOCKS, 1..4 * SIZE).prop_map(|(num_blocks, window)| WindowedPool { num_blocks, window });
        prop::option::of(pool)
    }

    /// What each block of a pool holds: the root and the whole text up to its end.
    type Contents = BTreeMap<BlockId, (u8, Vec<Token>)>;

    /// How many positions a sequence may begin with: no window from behind them misses a block.
    fn usable(hits: &[Hit], windowed: Option<WindowedPool>) -> usize {
        let is_seen = |position, from| windowed.is_some_and(|pool| position + pool.window > from);
        let is_there = |position: usize| hits[position / SIZE].windowed.is_some();
        let is_whole = |from: &usize| (0..*from).all(|position| !is_seen(position, *from) || is_there(position));
        (0..=hits.len()).rev().map(|blocks| blocks * SIZE).find(is_whole).expect("the first position sees nothing")
    }

    fn run(texts: &[Text], key_of: Option<KeyFunction>, windowed: Option<WindowedPool>) {
        let mut ledger = KvLedger::new(BLOCKS, SIZE, None, windowed);
        ledger.cache.key_of = key_of.unwrap_or(ledger.cache.key_of);
        let (mut contents, mut staying, mut hits) = ([Contents::new(), Contents::new()], Vec::new(), Vec::new());
        for text in texts {
            let upto = |index| (text.root, text.tokens[..(index + 1) * SIZE].to_vec());
            let mut chain = Chain::new([text.root; 32]);
            ledger.find(&mut chain, &text.tokens, &mut hits);
            for (index, hit) in hits.iter().enumerate() {
                let found = POOLS.iter().filter_map(|pool| Some(&contents[pool.index()][&hit.block_in(*pool)?]));
                found.for_each(|content| assert_eq!(*content, upto(index), "a hit holds this text and no other"));
            }
            let want = usable(&hits, windowed);
            let most = hits.len() * SIZE;
            let start = ledger.cut(&mut hits, most);
            assert_eq!((start, hits.len()), (want, want / SIZE), "hits are cut to whole windows and no further");
            let mut tables = KvTables::default();
            tables.begin(&mut ledger, &hits, start);
            chain.reached = hits.last().map(|hit| hit.entry);
            let (end, mut held) = (text.tokens.len() / SIZE * SIZE, start);
            if tables.room(&ledger, start, end - start) == end - start {
                held = end;
                tables.extend(&mut ledger, start, end);
                for index in start / SIZE..end / SIZE {
                    let blocks = tables.blocks(index);
                    contents[0].insert(blocks.0, upto(index));
                    contents[1].extend(blocks.1.map(|block| (block, upto(index))));
                    ledger.publish(&mut chain, index, &text.tokens[index * SIZE..][..SIZE], blocks);
                }
                ledger.find(&mut Chain::new([text.root; 32]), &text.tokens, &mut hits);
                assert!(key_of.is_some() || usable(&hits, windowed) == end, "what was published is found");
                tables.slide(&mut ledger, end);
            }
            ledger.check();
            if text.stays {
                staying.push((tables, text, held));
            } else {
                tables.release(&mut ledger);
            }
            ledger.check();
            for (tables, text, held) in staying.iter().filter(|_| key_of.is_none()) {
                ledger.find(&mut Chain::new([text.root; 32]), &text.tokens[..*held], &mut hits);
                assert_eq!(hits.len() * SIZE, *held, "a text that stands in tables is found");
                let behind = tables.of(KvPool::Windowed).map_or(hits.len(), BlockTable::behind);
                assert!(hits[behind..].iter().all(|hit| hit.windowed.is_some()), "and so is its window");
            }
        }
        for (tables, ..) in &mut staying {
            tables.release(&mut ledger);
        }
        assert_eq!(POOLS.map(|pool| ledger.counts(pool).used), [0, 0]);
    }

    proptest! {
        #[test]
        fn a_hit_is_the_same_text(texts in prop::collection::vec(text(), 1..60), windowed in windowed()) {
            run(&texts, None, windowed);
        }

        #[test]
        fn a_hit_is_the_same_text_even_if_keys_collide(
            texts in prop::collection::vec(text(), 1..60),
            windowed in windowed(),
        ) {
            run(&texts, Some(|_, tokens| BlockKey([(tokens[0] % 2) as u8; 32])), windowed);
        }
    }
}
