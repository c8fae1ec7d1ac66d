//! What executors of several models compute on, if not at once: a watch that counts when they do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// The watch.
#[derive(Debug, Default)]
pub struct Cores {
    busy: AtomicBool,
    steps: AtomicUsize,
    overlaps: AtomicUsize,
}

/// A step that computes on them until this is dropped.
#[derive(Debug)]
pub struct AtWork<'a>(&'a Cores);

impl Cores {
    /// A step begins.
    pub fn enter(&self) -> AtWork<'_> {
        self.steps.fetch_add(1, SeqCst);
        if self.busy.swap(true, SeqCst) {
            self.overlaps.fetch_add(1, SeqCst);
        }
        AtWork(self)
    }

    /// Steps that have begun.
    pub fn steps(&self) -> usize {
        self.steps.load(SeqCst)
    }

    /// Those that began within another one.
    pub fn overlaps(&self) -> usize {
        self.overlaps.load(SeqCst)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, SeqCst);
    }
}
