//! Threads for work on texts: JSON of big bodies, templates, tokenising.
//!
//! Bounded: 256 jobs wait at most. Small jobs have threads of their own and never wait behind big ones. A job
//! whose caller has left is not begun; one that panics fails alone.

use std::thread;

use crate::{lane::Lane, quota::Quota};

/// The most jobs that wait.
pub const MAX_WAITING: usize = 256;

/// Jobs of fewer bytes are small.
pub const SMALL_BYTES: usize = 16 * 1024;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As many jobs wait as may.
    #[error("{MAX_WAITING} jobs are waiting")]
    Full,
    /// The job panicked.
    #[error("a job panicked")]
    Panicked,
}

/// The threads and the jobs that wait for them; threads end when the last pool is dropped.
#[derive(Debug, Clone)]
pub struct TextPool {
    small: Lane,
    big: Lane,
    waiting: Quota,
}

impl Default for TextPool {
    fn default() -> Self {
        Self::new()
    }
}

impl TextPool {
    /// Starts the threads: half as many as there are cores in each lane, at least one.
    pub fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1);
        Self {
            small: Lane::new("text", threads),
            big: Lane::new("long-text", threads),
            waiting: Quota::new(MAX_WAITING),
        }
    }

    /// Runs a job that costs as much as a text of `bytes`. Dropping the future before it has begun leaves it
    /// out.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = self.waiting.take(1).ok_or(PoolError::Full)?;
        let lane = if bytes < SMALL_BYTES { &self.small } else { &self.big };
        lane.result(place, job).await.ok_or(PoolError::Panicked)
    }
}

#[cfg(test)]
mod tests;
