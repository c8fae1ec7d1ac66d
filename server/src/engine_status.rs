//! What the engine thread tells the rest: its last snapshot, its progress, its pace.
//!
//! The engine thread writes, everyone else reads; nothing here makes the engine wait.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use scheduler::{SchedulerStats, Turn};
use tokio::sync::watch;

use crate::{
    clock::Clock, drain_rate::DrainRate, guarded_executor::StepFailure, metrics::ModelMetrics, pulse::Pulse,
    queue_gate::QueueGate, request_id::random_bytes,
};

/// Shared by the engine thread and the HTTP side.
#[derive(Debug)]
pub struct EngineStatus {
    clock: Clock,
    pulse: Arc<Pulse>,
    metrics: Arc<ModelMetrics>,
    gate: QueueGate,
    drain: Mutex<DrainRate>,
    snapshot: watch::Sender<SchedulerStats>,
}

impl EngineStatus {
    /// The status of an engine that has not run yet.
    pub fn new(clock: Clock, pulse: Arc<Pulse>, metrics: Arc<ModelMetrics>, gate: QueueGate) -> Self {
        Self {
            clock,
            pulse,
            metrics,
            gate,
            drain: Mutex::new(DrainRate::default()),
            snapshot: watch::Sender::new(SchedulerStats::default()),
        }
    }

    /// Time since the server started.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Its model's metrics.
    pub fn metrics(&self) -> &Arc<ModelMetrics> {
        &self.metrics
    }

    /// Its progress.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// The front of the queue.
    pub fn queue_gate(&self) -> &QueueGate {
        &self.gate
    }

    /// The scheduler's numbers after its last commit, submit or abort.
    pub fn snapshot(&self) -> SchedulerStats {
        *self.snapshot.borrow()
    }

    /// When a client that is refused now should come back.
    pub fn retry_after(&self) -> Duration {
        let ahead = self.snapshot.borrow().waiting + self.gate.on_the_way();
        let chance = f64::from(u16::from_le_bytes(random_bytes())) / f64::from(u16::MAX);
        self.drain().retry_after(ahead, self.clock.now(), chance)
    }

    /// Sets the snapshot, and counts what came since the last one before anybody sees it.
    pub fn publish(&self, stats: SchedulerStats) {
        self.metrics.count(&self.snapshot.borrow(), &stats);
        self.snapshot.send_replace(stats);
    }

    /// There is work.
    pub fn working(&self) {
        self.pulse.working();
        self.drain().working(self.clock.now());
    }

    /// There is none.
    pub fn idle(&self) {
        self.pulse.idle();
        self.drain().idle();
    }

    /// A request left the engine.
    pub fn departed(&self, now: Duration) {
        self.drain().departed(now);
    }

    /// A step ended, well or not.
    pub fn stepped<E>(&self, turn: &Turn<E>, elapsed: Duration, stats: SchedulerStats) {
        self.pulse.stepped();
        self.publish(stats);
        if turn.computed_tokens > 0 {
            self.metrics.step(turn.computed_tokens, elapsed);
        }
    }

    /// A step failed; its sequences get their one error.
    pub fn step_failed<E: std::error::Error>(&self, failure: &StepFailure<E>) {
        self.metrics.step_failed(matches!(failure, StepFailure::Panic));
        tracing::error!(%failure, "a step failed");
    }

    fn drain(&self) -> MutexGuard<'_, DrainRate> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
