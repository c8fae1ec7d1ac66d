//! Which full blocks hold which tokens, so that a later sequence with the same beginning need not compute them.
//!
//! A block's key is a SHA-256 chain over (key of the block before, tokens), rooted in the submission's `cache_key`:
//! different roots share nothing. On a hit tokens and predecessor are compared, so a colliding hash is only a miss.
//! An entry's id is never reused and stands for the whole text up to its blocks. It may have several, if sequences computed
//! the same at the same time, and of a second pool none; without one of the first pool it is no entry.
//! Does not own blocks; [`crate::kv_ledger::KvLedger`] keeps it and the pool in step.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::planted_bug::{Planted, PlantedBug};
use crate::{BlockId, KvPool, Token};

/// Names a block's content: its tokens and all before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockKey(pub(crate) [u8; 32]);

/// One entry, for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryId(u64);

/// What comes before a block: the key so far, and the entry it belongs to (none at the root).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) key: BlockKey,
    pub(crate) entry: Option<EntryId>,
}

/// The content of full blocks that was committed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    /// Of each pool, those that hold it.
    blocks: [Vec<BlockId>; 2],
    parent: Link,
    tokens: Box<[Token]>,
}

/// How a key follows from the one before and a block's tokens.
pub(crate) type KeyFunction = fn(&BlockKey, &[Token]) -> BlockKey;

/// All entries by key.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    entries: BTreeMap<BlockKey, Entry>,
    next_id: u64,
    pub(crate) key_of: KeyFunction,
    pub(crate) planted: Planted,
}

/// One sequence's way through the cache: the keys of its full blocks, made once, and the entry it has come to.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    keys: Vec<BlockKey>,
    pub(crate) reached: Option<EntryId>,
}

impl Entry {
    /// The blocks of a pool that hold its text: of the first, one at least.
    pub(crate) fn blocks(&self, pool: KvPool) -> &[BlockId] {
        &self.blocks[pool.index()]
    }
}

impl PrefixCache {
    pub(crate) fn new() -> Self {
        Self { entries: BTreeMap::new(), next_id: 0, key_of: sha256, planted: Planted::default() }
    }

    /// The entry that holds exactly these tokens after exactly this beginning.
    pub(crate) fn find(&self, key: &BlockKey, parent: Link, tokens: &[Token]) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        let same = entry.parent == parent && *entry.tokens == *tokens;
        (same || self.planted.is(PlantedBug::HitWithoutComparison)).then_some(entry)
    }

    /// Adds an entry, whose blocks come next, and returns the one that stood under its key, whose blocks have lost it.
    pub(crate) fn insert(&mut self, key: BlockKey, parent: Link, tokens: &[Token]) -> (EntryId, Option<Entry>) {
        let id = EntryId(self.next_id);
        self.next_id += 1;
        let entry = Entry { id, blocks: [Vec::new(), Vec::new()], parent, tokens: tokens.into() };
        (id, self.entries.insert(key, entry))
    }

    /// The blocks of a pool that hold the text of a key.
    pub(crate) fn blocks(&self, key: &BlockKey, pool: KvPool) -> &[BlockId] {
        self.entries.get(key).expect("a key stands for an entry").blocks(pool)
    }

    /// Adds a block to those that hold the text of a key.
    pub(crate) fn add(&mut self, key: &BlockKey, pool: KvPool, block: BlockId) {
        self.entries.get_mut(key).expect("a key stands for an entry").blocks[pool.index()].push(block);
    }

    /// Takes a block out of those that hold the text of a key; returns the entry if that was the last of the first pool.
    pub(crate) fn remove(&mut self, key: &BlockKey, pool: KvPool, block: BlockId) -> Option<Entry> {
        let entry = self.entries.get_mut(key).expect("a key stands for an entry");
        entry.blocks[pool.index()].retain(|other| *other != block);
        if entry.blocks(KvPool::Main).is_empty() { self.entries.remove(key) } else { None }
    }

    /// Every key and its entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&BlockKey, &Entry)> {
        self.entries.iter()
    }
}

impl Chain {
    /// The chain of a sequence whose first block follows `root`.
    pub(crate) fn new(root: [u8; 32]) -> Self {
        Self { keys: vec![BlockKey(root)], reached: None }
    }

    /// The key of block `index`; those before it were asked for already.
    pub(crate) fn key(&mut self, index: usize, tokens: &[Token], key_of: KeyFunction) -> BlockKey {
        if self.keys.len() == index + 1 {
            self.keys.push(key_of(&self.keys[index], tokens));
        }
        self.keys[index + 1]
    }

    /// What block `index` follows, if the chain stands at `entry`.
    pub(crate) fn link(&self, index: usize, entry: Option<EntryId>) -> Link {
        Link { key: self.keys[index], entry }
    }
}

fn sha256(parent: &BlockKey, tokens: &[Token]) -> BlockKey {
    let mut hash = Sha256::new_with_prefix(parent.0);
    for token in tokens {
        hash.update(token.to_le_bytes());
    }
    BlockKey(hash.finalize().into())
}
