//! How often experts are taken: counted by the engine as it steps, read by whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens that took each expert, those of all layers together. Who reads beside a step sees each number as it just is.
#[derive(Debug)]
pub struct ExpertLoad(Box<[AtomicU64]>);

impl ExpertLoad {
    /// Nobody took any of so many.
    pub fn new(experts: usize) -> Self {
        Self((0..experts).map(|_| AtomicU64::new(0)).collect())
    }

    /// Counts tokens of one layer's step.
    pub fn add(&self, expert: usize, tokens: usize) {
        self.0[expert].fetch_add(tokens as u64, Ordering::Relaxed);
    }

    /// The tokens of each expert, in their order.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = u64> {
        self.0.iter().map(|tokens| tokens.load(Ordering::Relaxed))
    }

    /// Forgets what was counted.
    pub(crate) fn restart(&self) {
        self.0.iter().for_each(|tokens| tokens.store(0, Ordering::Relaxed));
    }
}
