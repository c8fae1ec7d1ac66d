//! Threads that run jobs in the order they come, apart from the threads that serve connections.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

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

    /// Queues a job. It must not panic.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("the threads of a lane live as long as the lane");
    }
}

/// Runs jobs until the lane is gone.
fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
