//! Compiled grammars by their keys, those used last, bounded in bytes.

use std::{collections::HashMap, sync::Arc};

use super::compiler::CompiledGrammar;

/// Bytes of all grammars that are kept.
const MAX_BYTES: usize = 128 << 20;

/// The grammars, and a count of uses that tells which was used last.
#[derive(Debug, Default)]
pub(super) struct GrammarCache {
    entries: HashMap<[u8; 32], Entry>,
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
    pub(super) fn get(&mut self, key: &[u8; 32]) -> Option<Arc<CompiledGrammar>> {
        let entry = self.entries.get_mut(key)?;
        self.uses += 1;
        entry.used = self.uses;
        Some(Arc::clone(&entry.grammar))
    }

    /// Keeps a grammar; those used longest ago make room.
    pub(super) fn insert(&mut self, key: [u8; 32], grammar: Arc<CompiledGrammar>) {
        self.remove(&key);
        self.uses += 1;
        self.bytes += grammar.bytes();
        self.entries.insert(key, Entry { grammar, used: self.uses });
        while self.bytes > MAX_BYTES && self.entries.len() > 1 {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            self.remove(&oldest.expect("there is more than one"));
        }
    }

    fn remove(&mut self, key: &[u8; 32]) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.grammar.bytes();
        }
    }
}
