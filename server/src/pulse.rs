//! One engine thread's progress: whether it has work, and when its last step ended.
//!
//! The engine thread writes atomics and the probes read them: nobody waits, also while the engine hangs.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Clock;

/// What the probes read of one engine.
#[derive(Debug)]
pub struct Pulse {
    clock: Clock,
    working: AtomicBool,
    failed: AtomicBool,
    progress_ms: AtomicU64,
}

impl Pulse {
    /// Of an engine that has no work yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, working: AtomicBool::new(false), failed: AtomicBool::new(false), progress_ms: AtomicU64::new(0) }
    }

    /// The engine thread has work: from now on steps are expected.
    pub fn working(&self) {
        if !self.working.swap(true, Relaxed) {
            self.progress_ms.store(self.now_ms(), Relaxed);
        }
    }

    /// The engine thread has nothing to do.
    pub fn idle(&self) {
        self.working.store(false, Relaxed);
    }

    /// A step ended.
    pub fn stepped(&self) {
        self.progress_ms.store(self.now_ms(), Relaxed);
    }

    /// The engine thread is gone, and should not be.
    pub fn fail(&self) {
        self.failed.store(true, Relaxed);
    }

    /// Whether the engine thread is gone, and should not be.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Time since the last step, or since work began; zero while idle.
    pub fn step_age(&self) -> Duration {
        if !self.working.load(Relaxed) {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now_ms().saturating_sub(self.progress_ms.load(Relaxed)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }
}
