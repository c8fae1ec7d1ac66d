//! Things that threads take for a while and put back, so that each is made once.

use std::sync::{Mutex, PoisonError};

/// What is not in use.
#[derive(Debug)]
pub struct Shelf<T>(Mutex<Vec<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Shelf<T> {
    /// Room for as many as `most` threads need.
    pub fn new(most: usize) -> Self {
        Self(Mutex::new(Vec::with_capacity(most)))
    }

    /// Lends `work` one that nobody else has meanwhile, as whoever had it before left it.
    pub fn with(&self, work: impl FnOnce(&mut T)) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().pop();
        let mut thing = kept.unwrap_or_default();
        work(&mut thing);
        lock().push(thing);
    }
}
