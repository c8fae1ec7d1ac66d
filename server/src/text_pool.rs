//! Threads for work on texts: JSON of big bodies, templates, tokenising.
//!
//! Bounded: 256 jobs wait at most. Small jobs have threads of their own and never wait behind big ones. A job
//! whose caller has left is not begun; one that panics fails alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

/// The most jobs that wait.
pub const MAX_WAITING: usize = 256;

/// Jobs of fewer bytes are small.
pub const SMALL_BYTES: usize = 16 * 1024;

const STACK_BYTES: usize = 8 * 1024 * 1024;

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

type Job = Box<dyn FnOnce() + Send>;

/// The threads and the jobs that wait for them; threads end when the last pool is dropped.
#[derive(Debug, Clone)]
pub struct TextPool {
    small: Sender<Job>,
    big: Sender<Job>,
    waiting: Arc<AtomicUsize>,
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
        Self { small: lane("text", threads), big: lane("long-text", threads), waiting: Arc::default() }
    }

    /// Runs a job that costs as much as a text of `bytes`. Dropping the future before it has begun leaves it
    /// out.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = Place::take(&self.waiting).ok_or(PoolError::Full)?;
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            drop(place);
            if !reply.is_closed() {
                // Whoever waited may have left meanwhile; then nobody wants the result.
                let _ = reply.send(catch_unwind(AssertUnwindSafe(job)));
            }
        });
        let lane = if bytes < SMALL_BYTES { &self.small } else { &self.big };
        lane.send(job).expect("the threads of a lane live as long as the pool");
        match result.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) | Err(_) => Err(PoolError::Panicked),
        }
    }
}

/// A job's place among those that wait.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let one_more = |count| (count < MAX_WAITING).then_some(count + 1);
        waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self(Arc::clone(waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn lane(name: &str, threads: usize) -> Sender<Job> {
    let (sender, receiver) = channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for index in 0..threads {
        let receiver = Arc::clone(&receiver);
        let builder = thread::Builder::new().name(format!("{name}-{index}")).stack_size(STACK_BYTES);
        builder.spawn(move || work(&receiver)).expect("the system starts a thread while the server starts");
    }
    sender
}

/// Runs jobs until the pool is gone.
fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
