//! An amount that all share: taken in parts, given back when a part is dropped, never more than there is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The amount.
#[derive(Debug, Clone)]
pub struct Quota {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// A part that was taken.
#[derive(Debug)]
pub struct Share {
    amount: usize,
    taken: Arc<AtomicUsize>,
}

impl Quota {
    /// All of it is there.
    pub fn new(limit: usize) -> Self {
        Self { taken: Arc::default(), limit }
    }

    /// What nobody has taken.
    pub fn left(&self) -> usize {
        self.limit - self.taken.load(Ordering::Acquire)
    }

    /// Takes a part, if so much is left.
    pub fn take(&self, amount: usize) -> Option<Share> {
        let more = |taken: usize| taken.checked_add(amount).filter(|taken| *taken <= self.limit);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Share { amount, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.amount, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_there_is() {
        let quota = Quota::new(3);
        let two = quota.take(2).unwrap();
        assert!(quota.take(2).is_none() && quota.take(usize::MAX).is_none());
        assert_eq!(quota.left(), 1);
        let one = quota.clone().take(1).unwrap();
        drop(two);
        assert!(quota.take(3).is_none() && quota.take(2).is_some());
        drop(one);
        assert!(quota.take(3).is_some());
    }
}
