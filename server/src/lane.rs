//! Threads that run jobs in the order they come, apart from the threads that serve connections. A job that panics fails
//! alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::quota::Share;

const STACK_BYTES: usize = 8 * 1024 * 1024;

/// What a thread of a lane does.
type Job = Box<dyn FnOnce() + Send>;

/// The way to some threads with one queue; they end when the last lane to them is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Lane(Sender<Job>);

impl Lane {
    /// Starts so many threads.
    pub(crate) fn new(name: &str, threads: usize) -> Self {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..threads {
            let receiver = Arc::clone(&receiver);
            let builder = thread::Builder::new().name(format!("{name}-{index}")).stack_size(STACK_BYTES);
            builder.spawn(move || work(&receiver)).expect("the system starts a thread while the server starts");
        }
        Self(sender)
    }

    /// Queues a job, which gives up its place among those that wait when it begins, and waits for its result; `None` if
    /// it panicked. Dropping the future before it has begun leaves it out.
    pub(crate) async fn result<T: Send + 'static>(
        &self,
        place: Share,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, result) = oneshot::channel();
        self.run(move || {
            drop(place);
            if !reply.is_closed() {
                // Whoever waited may have left meanwhile; then nobody wants the result.
                let _ = reply.send(job());
            }
        });
        result.await.ok()
    }

    /// Queues a job.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("the threads of a lane live as long as the lane");
    }
}

/// Runs jobs until the lane is gone.
fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // Whoever waits for its result hears of a panic by the end of their channel.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}
