//! Whether the server can serve, told from progress: the time of each engine's last step.
//!
//! Probes read atomics, behind a lock that is taken for writing only while an engine is added: they work while one hangs. An idle engine is healthy however long its
//! last step is ago; a full queue is no reason to be unready. A model that was unloaded is missed by nobody.

use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{clock::Clock, pulse::Pulse};

/// Without a step for so long while work waits, `/ready` is red.
const UNREADY_AFTER: Duration = Duration::from_secs(10);

/// What the probes read and the engine threads write.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    stall_timeout: Duration,
    /// Models that are to be served from the start and are not loaded yet.
    loading: AtomicUsize,
    draining: AtomicBool,
    /// Of the engines that there are. Locked for writing only when one is added.
    pulses: RwLock<Vec<Weak<Pulse>>>,
}

/// Why a probe is red.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A model is being loaded.
    Loading,
    /// A stop signal came.
    Draining,
    /// Work waits and no step ends.
    Stalled,
    /// An engine thread is gone.
    EngineFailed,
}

impl Health {
    /// A server that is loading so many models.
    pub fn new(clock: Clock, stall_timeout: Duration, models: usize) -> Self {
        Self {
            clock,
            stall_timeout,
            loading: AtomicUsize::new(models),
            draining: AtomicBool::new(false),
            pulses: RwLock::default(),
        }
    }

    /// It can serve: loaded and not stalled, also while draining or overloaded.
    pub fn health(&self) -> Result<(), Trouble> {
        self.live()?;
        if self.loading.load(Relaxed) == 0 { Ok(()) } else { Err(Trouble::Loading) }
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

    /// The progress of a new engine, which counts as long as somebody holds it.
    pub fn engine(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new(self.clock.clone()));
        let mut pulses = self.pulses.write().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|pulse| pulse.strong_count() > 0);
        pulses.push(Arc::downgrade(&pulse));
        pulse
    }

    /// One of the models that are to be served from the start is loaded.
    pub fn loaded(&self) {
        self.loading.fetch_sub(1, Relaxed);
    }

    /// A stop signal came.
    pub fn draining(&self) {
        self.draining.store(true, Relaxed);
    }

    fn progress_within(&self, limit: Duration) -> Result<(), Trouble> {
        let pulses = self.pulses.read().unwrap_or_else(PoisonError::into_inner);
        let engines = || pulses.iter().filter_map(Weak::upgrade);
        if engines().any(|pulse| pulse.has_failed()) {
            return Err(Trouble::EngineFailed);
        }
        if engines().any(|pulse| pulse.step_age() >= limit) { Err(Trouble::Stalled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A server with a loaded model, its engine, and the hand that turns its clock, in seconds.
    fn server() -> (Health, Arc<Pulse>, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let hand = Arc::clone(&seconds);
        let clock = Clock::new(move || Duration::from_secs(seconds.load(Relaxed)));
        let health = Health::new(clock, Duration::from_mins(1), 1);
        let engine = health.engine();
        health.loaded();
        (health, engine, hand)
    }

    #[test]
    fn ready_turns_red_after_10_s_and_health_after_60_s_without_a_step() {
        let (health, engine, seconds) = server();
        seconds.store(1000, Relaxed);
        engine.working();
        for (at, ready, healthy) in [(1009, true, true), (1010, false, true), (1059, false, true), (1060, false, false)]
        {
            seconds.store(at, Relaxed);
            assert_eq!((health.ready().is_ok(), health.health().is_ok()), (ready, healthy), "at {at}");
        }
        assert_eq!(health.live(), Err(Trouble::Stalled));
        engine.stepped();
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn neither_turns_red_while_idle() {
        let (health, engine, seconds) = server();
        engine.working();
        engine.stepped();
        engine.idle();
        seconds.store(1_000_000, Relaxed);
        assert_eq!((health.ready(), health.health(), health.live()), (Ok(()), Ok(()), Ok(())));
        assert_eq!(engine.step_age(), Duration::ZERO);
    }

    #[test]
    fn one_engine_that_stalls_is_seen_beside_one_that_steps_until_it_is_gone() {
        let (health, engine, seconds) = server();
        let other = health.engine();
        engine.working();
        other.working();
        seconds.store(60, Relaxed);
        engine.stepped();
        assert_eq!((health.health(), engine.step_age()), (Err(Trouble::Stalled), Duration::ZERO));
        drop(other);
        assert_eq!(health.health(), Ok(()));
    }

    #[test]
    fn loading_is_live_but_neither_healthy_nor_ready() {
        let health = Health::new(Clock::monotonic(), Duration::from_mins(1), 2);
        for _ in 0..2 {
            assert_eq!(health.live(), Ok(()));
            assert_eq!((health.health(), health.ready()), (Err(Trouble::Loading), Err(Trouble::Loading)));
            health.loaded();
        }
        assert_eq!((health.health(), health.ready()), (Ok(()), Ok(())));
    }

    #[test]
    fn draining_is_unready_and_a_lost_engine_is_everything_until_its_model_is_gone() {
        let (health, engine, _) = server();
        health.draining();
        assert_eq!((health.ready(), health.health()), (Err(Trouble::Draining), Ok(())));
        engine.fail();
        assert_eq!((health.ready(), health.live()), (Err(Trouble::EngineFailed), Err(Trouble::EngineFailed)));
        drop(engine);
        assert_eq!(health.live(), Ok(()));
    }
}
