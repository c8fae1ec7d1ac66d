//! How the server stops: serve, drain, cut. Signals only move it forward.
//!
//! While draining, accepted work goes on and new work is refused; at the cut whatever still runs gets its one error.
//! Nobody waits for the engine thread: clients are told by the HTTP side.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time};

use crate::{config::Lifecycle, health::Health};

/// How long answers may take to reach their clients after the cut.
const FLUSH: Duration = Duration::from_millis(800);

/// The phase of the process, and who is still at work.
#[derive(Debug)]
pub struct Shutdown {
    phase: watch::Sender<Phase>,
    work: watch::Sender<usize>,
    health: Arc<Health>,
}

/// What is still accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything.
    Serving,
    /// A stop signal came: new work while the drain delay lasts.
    Leaving,
    /// No new work.
    Draining,
    /// Nothing: what runs is told so.
    Cut,
}

/// One accepted request; the drain waits for it until it is dropped.
#[derive(Debug)]
pub struct Work(Arc<Shutdown>);

/// Hears of the cut.
#[derive(Debug)]
pub struct CutSignal(watch::Receiver<Phase>);

impl Shutdown {
    /// A process that serves.
    pub fn new(health: Arc<Health>) -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), work: watch::Sender::new(0), health }
    }

    /// Counts a request in, unless new work is refused.
    pub fn begin(self: &Arc<Self>) -> Option<Work> {
        self.work.send_modify(|count| *count += 1);
        let work = Work(Arc::clone(self));
        (*self.phase.borrow() < Phase::Draining).then_some(work)
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells one request when the cut comes.
    pub fn cut_signal(&self) -> CutSignal {
        CutSignal(self.phase.subscribe())
    }

    /// Takes the process from the first signal to the cut: `again` is the second signal.
    pub async fn drain(&self, lifecycle: Lifecycle, again: impl Future<Output = ()>) {
        self.health.draining();
        let orderly = async {
            if !lifecycle.drain_delay.is_zero() {
                self.enter(Phase::Leaving);
                time::sleep(lifecycle.drain_delay).await;
            }
            self.enter(Phase::Draining);
            let _ = time::timeout(lifecycle.shutdown_timeout, self.work_done()).await;
        };
        tokio::select! {
            () = orderly => {}
            () = again => {}
        }
        self.enter(Phase::Cut);
        let _ = time::timeout(FLUSH, self.work_done()).await;
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(?phase, "stopping");
        self.phase.send_replace(phase);
    }

    async fn work_done(&self) {
        let mut work = self.work.subscribe();
        let _ = work.wait_for(|count| *count == 0).await;
    }
}

impl CutSignal {
    /// Returns once the grace is over.
    pub async fn raised(&mut self) {
        let _ = self.0.wait_for(|phase| *phase == Phase::Cut).await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.work.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::clock::Clock;

    const LIFECYCLE: Lifecycle = Lifecycle {
        shutdown_timeout: Duration::from_secs(30),
        drain_delay: Duration::from_secs(5),
        stall_timeout: Duration::from_mins(1),
    };

    fn serving() -> (Arc<Shutdown>, Arc<Health>) {
        let health = Arc::new(Health::new(Clock::monotonic(), Duration::from_mins(1), 1));
        health.loaded();
        (Arc::new(Shutdown::new(Arc::clone(&health))), health)
    }

    #[tokio::test(start_paused = true)]
    async fn is_unready_at_once_and_takes_new_work_until_the_delay_is_over() {
        let (shutdown, health) = serving();
        let running = shutdown.begin();
        let draining = tokio::spawn({
            let shutdown = Arc::clone(&shutdown);
            async move { shutdown.drain(LIFECYCLE, pending()).await }
        });
        time::sleep(Duration::from_secs(4)).await;
        assert!(health.ready().is_err() && health.health().is_ok());
        assert!(shutdown.begin().is_some());
        time::sleep(Duration::from_secs(2)).await;
        assert!(shutdown.begin().is_none());
        drop(running);
        draining.await.unwrap();
        assert_eq!(shutdown.phase(), Phase::Cut);
    }

    #[tokio::test(start_paused = true)]
    async fn cuts_at_the_end_of_the_grace() {
        let (shutdown, _) = serving();
        let running = shutdown.begin();
        let start = time::Instant::now();
        shutdown.drain(LIFECYCLE, pending()).await;
        assert_eq!(start.elapsed(), Duration::from_secs(35) + FLUSH);
        drop(running);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_cuts_within_a_second() {
        let (shutdown, _) = serving();
        let _running = shutdown.begin();
        let start = time::Instant::now();
        shutdown.drain(LIFECYCLE, async {}).await;
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(shutdown.phase(), Phase::Cut);
    }
}
