//! Compiled grammars of all models by their keys, those used last, bounded in bytes.

use std::{collections::HashMap, sync::Arc};

use super::compiler::CompiledGrammar;

/// Bytes of all grammars that are kept.
const MAX_BYTES: usize = 128 << 20;

/// Which grammar it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The model whose tokens it allows.
    pub(super) model: u64,
    /// The form that it keeps.
    pub(super) form: [u8; 32],
}

/// The grammars, and a count of uses that tells which was used last.
#[derive(Debug, Default)]
pub(super) struct GrammarCache {
    entries: HashMap<Key, Entry>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    grammar: Arc<CompiledGrammar>,
    used: u64,
}

impl GrammarCache {
    /// The grammar of a key, if it is there.
    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<CompiledGrammar>> {
        let entry = self.entries.get_mut(key)?;
        self.uses += 1;
        entry.used = self.uses;
        Some(Arc::clone(&entry.grammar))
    }

    /// Keeps a grammar; those used longest ago make room.
    pub(super) fn insert(&mut self, key: Key, grammar: Arc<CompiledGrammar>) {
        self.remove(&key);
        self.uses += 1;
        self.bytes += grammar.bytes();
        self.entries.insert(key, Entry { grammar, used: self.uses });
        while self.bytes > MAX_BYTES && self.entries.len() > 1 {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            self.remove(&oldest.expect("there is more than one"));
        }
    }

    /// Keeps no more of a model's grammars.
    pub(super) fn forget(&mut self, model: u64) {
        let of_model: Vec<Key> = self.entries.keys().filter(|key| key.model == model).copied().collect();
        for key in &of_model {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.grammar.bytes();
        }
    }
}
