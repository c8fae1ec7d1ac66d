//! The HTTP side's end of the engine thread: hands over jobs, never waits for a step to do so.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use scheduler::{Reject, SeqId};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{engine_status::EngineStatus, worker::Job};

/// Sends jobs to the engine thread. The thread ends when the last handle is gone.
#[derive(Debug)]
pub struct EngineHandle {
    jobs: mpsc::Sender<Job>,
    status: Arc<EngineStatus>,
    next_seq: AtomicU64,
}

/// Why a job did not reach the engine thread.
#[derive(Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The queue is full.
    Rejected(Reject),
    /// The engine thread is gone.
    EngineGone,
}

impl EngineHandle {
    /// The sending end of a worker's jobs.
    pub fn new(jobs: mpsc::Sender<Job>, status: Arc<EngineStatus>) -> Self {
        Self { jobs, status, next_seq: AtomicU64::new(1) }
    }

    /// What the engine thread says about itself.
    pub fn status(&self) -> &Arc<EngineStatus> {
        &self.status
    }

    /// New ids for so many sequences.
    pub fn new_seqs(&self, count: usize) -> Vec<SeqId> {
        let first = self.next_seq.fetch_add(count as u64, Relaxed);
        (first..first + count as u64).map(SeqId).collect()
    }

    /// Hands a job over, or says at once that the queue is full.
    pub fn send(&self, job: Job) -> Result<(), NotSent> {
        let (requests, tokens) = job.demand();
        let stats = self.status.snapshot();
        let gate = self.status.queue_gate();
        gate.enter(requests, tokens, (stats.waiting, stats.waiting_tokens)).map_err(NotSent::Rejected)?;
        self.jobs.try_send(job).map_err(|error| {
            gate.arrived(requests, tokens);
            match error {
                TrySendError::Full(_) => {
                    let limit = self.jobs.max_capacity();
                    NotSent::Rejected(Reject::QueueFull { waiting: limit, limit })
                }
                TrySendError::Closed(_) => NotSent::EngineGone,
            }
        })
    }
}
