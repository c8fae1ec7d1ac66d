//! What the grammars of all models take together: those that are kept and those in use. Forms wait in each model's own line.
//!
//! One bound for the process, however many models it serves: none of it is in the plan of a model's memory.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    cache::{GrammarCache, Key},
    compiler::CompiledGrammar,
};
use crate::quota::Quota;

/// Forms of one model that wait to be compiled: a line of its own, or slow forms of one would close all others.
const MAX_WAITING: usize = 64;

/// Bytes of the grammars of all running sequences.
const MAX_IN_USE_BYTES: usize = 128 << 20;

/// The room of all.
#[derive(Clone, Debug)]
pub struct GrammarRoom {
    cache: Arc<Mutex<GrammarCache>>,
    in_use: Quota,
    models_so_far: Arc<AtomicU64>,
}

/// One model's place in it. What is kept there goes with it.
#[derive(Debug)]
pub(super) struct Place {
    room: GrammarRoom,
    model: u64,
    waiting: Quota,
}

impl Default for GrammarRoom {
    /// Empty.
    fn default() -> Self {
        Self { cache: Arc::default(), in_use: Quota::new(MAX_IN_USE_BYTES), models_so_far: Arc::default() }
    }
}

impl GrammarRoom {
    /// A place for one more model.
    pub(super) fn place(&self) -> Place {
        Place { room: self.clone(), model: self.models_so_far.fetch_add(1, Relaxed), waiting: Quota::new(MAX_WAITING) }
    }

    fn cache(&self) -> MutexGuard<'_, GrammarCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The model's grammar of a form, if it is kept.
    pub(super) fn get(&self, form: &[u8; 32]) -> Option<Arc<CompiledGrammar>> {
        self.room.cache().get(&self.key(form))
    }

    /// Keeps a grammar; those used longest ago, of whichever model, make room.
    pub(super) fn insert(&self, form: &[u8; 32], grammar: Arc<CompiledGrammar>) {
        self.room.cache().insert(self.key(form), grammar);
    }

    /// Places of forms that wait.
    pub(super) fn waiting(&self) -> &Quota {
        &self.waiting
    }

    /// Bytes of grammars in use.
    pub(super) fn in_use(&self) -> &Quota {
        &self.room.in_use
    }

    fn key(&self, form: &[u8; 32]) -> Key {
        Key { model: self.model, form: *form }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.cache().forget(self.model);
    }
}
