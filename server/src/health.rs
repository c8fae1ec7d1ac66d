//! Whether the server can serve, told from progress: a step counter and the time of the last step.
//!
//! Probes read atomics only: they take no lock, wait for nothing and work while the engine hangs. An idle server is
//! healthy however long its last step is ago; a full queue is no reason to be unready.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Clock;

/// Without a step for so long while work waits, `/ready` is red.
const UNREADY_AFTER: Duration = Duration::from_secs(10);

/// What the probes read and the engine thread writes.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    stall_timeout: Duration,
    loaded: AtomicBool,
    draining: AtomicBool,
    engine_failed: AtomicBool,
    working: AtomicBool,
    steps: AtomicU64,
    progress_ms: AtomicU64,
}

/// Why a probe is red.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The model is being loaded.
    Loading,
    /// A stop signal came.
    Draining,
    /// Work waits and no step ends.
    Stalled,
    /// The engine thread is gone.
    EngineFailed,
}

impl Health {
    /// A server that is loading its model.
    pub fn new(clock: Clock, stall_timeout: Duration) -> Self {
        Self {
            clock,
            stall_timeout,
            loaded: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            engine_failed: AtomicBool::new(false),
            working: AtomicBool::new(false),
            steps: AtomicU64::new(0),
            progress_ms: AtomicU64::new(0),
        }
    }

    /// It can serve: loaded and not stalled, also while draining or overloaded.
    pub fn health(&self) -> Result<(), Trouble> {
        self.live()?;
        if self.loaded.load(Relaxed) { Ok(()) } else { Err(Trouble::Loading) }
    }

    /// Do not restart it: as `health`, but also while loading.
    pub fn live(&self) -> Result<(), Trouble> {
        self.progress_within(self.stall_timeout)
    }

    /// Send it work: loaded, stepping or idle, not draining.
    pub fn ready(&self) -> Result<(), Trouble> {
        self.health()?;
        if self.draining.load(Relaxed) {
            return Err(Trouble::Draining);
        }
        self.progress_within(UNREADY_AFTER.min(self.stall_timeout))
    }

    /// The model is loaded.
    pub fn loaded(&self) {
        self.loaded.store(true, Relaxed);
    }

    /// A stop signal came.
    pub fn draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// The engine thread is gone.
    pub fn engine_failed(&self) {
        self.engine_failed.store(true, Relaxed);
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
        self.steps.fetch_add(1, Relaxed);
        self.progress_ms.store(self.now_ms(), Relaxed);
    }

    /// Steps since start.
    pub fn steps(&self) -> u64 {
        self.steps.load(Relaxed)
    }

    /// Time since the last step, or since work began; zero while idle.
    pub fn step_age(&self) -> Duration {
        if !self.working.load(Relaxed) {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now_ms().saturating_sub(self.progress_ms.load(Relaxed)))
    }

    fn progress_within(&self, limit: Duration) -> Result<(), Trouble> {
        if self.engine_failed.load(Relaxed) {
            return Err(Trouble::EngineFailed);
        }
        if self.step_age() >= limit { Err(Trouble::Stalled) } else { Ok(()) }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A loaded server and the hand that turns its clock, in seconds.
    fn server() -> (Health, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let hand = Arc::clone(&seconds);
        let clock = Clock::new(move || Duration::from_secs(seconds.load(Relaxed)));
        let health = Health::new(clock, Duration::from_mins(1));
        health.loaded();
        (health, hand)
    }

    #[test]
    fn ready_turns_red_after_10_s_and_health_after_60_s_without_a_step() {
        let (health, seconds) = server();
        seconds.store(1000, Relaxed);
        health.working();
        for (at, ready, healthy) in [(1009, true, true), (1010, false, true), (1059, false, true), (1060, false, false)]
        {
            seconds.store(at, Relaxed);
            assert_eq!((health.ready().is_ok(), health.health().is_ok()), (ready, healthy), "at {at}");
        }
        assert_eq!(health.live(), Err(Trouble::Stalled));
        health.stepped();
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn neither_turns_red_while_idle() {
        let (health, seconds) = server();
        health.working();
        health.stepped();
        health.idle();
        seconds.store(1_000_000, Relaxed);
        assert_eq!((health.ready(), health.health(), health.live()), (Ok(()), Ok(()), Ok(())));
        assert_eq!(health.step_age(), Duration::ZERO);
    }

    #[test]
    fn loading_is_live_but_neither_healthy_nor_ready() {
        let health = Health::new(Clock::monotonic(), Duration::from_mins(1));
        assert_eq!(health.live(), Ok(()));
        assert_eq!((health.health(), health.ready()), (Err(Trouble::Loading), Err(Trouble::Loading)));
    }

    #[test]
    fn draining_is_unready_and_a_lost_engine_is_everything() {
        let (health, _) = server();
        health.draining();
        assert_eq!((health.ready(), health.health()), (Err(Trouble::Draining), Ok(())));
        health.engine_failed();
        assert_eq!((health.ready(), health.live()), (Err(Trouble::EngineFailed), Err(Trouble::EngineFailed)));
    }
}
