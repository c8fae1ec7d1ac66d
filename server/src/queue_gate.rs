//! The front of the queue: refuses what cannot fit before the engine thread, busy with a step, would get to it.
//!
//! Counts the jobs on their way to the engine thread; the scheduler's own count of waiting ones comes on top. The
//! scheduler checks again, with its exact numbers.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use scheduler::Reject;

/// Requests and tokens between the HTTP side and the scheduler.
#[derive(Debug)]
pub struct QueueGate {
    max_requests: usize,
    max_tokens: usize,
    requests: AtomicUsize,
    tokens: AtomicUsize,
}

impl QueueGate {
    /// A gate with nothing on its way.
    pub fn new(max_requests: usize, max_tokens: usize) -> Self {
        Self { max_requests, max_tokens, requests: AtomicUsize::new(0), tokens: AtomicUsize::new(0) }
    }

    /// Lets a job through, or says what is full; an empty queue takes any job. `waiting` are the scheduler's requests and prompt tokens.
    pub fn enter(&self, requests: usize, tokens: usize, waiting: (usize, usize)) -> Result<(), Reject> {
        let before = self.requests.fetch_add(requests, SeqCst) + waiting.0;
        let tokens_before = self.tokens.fetch_add(tokens, SeqCst) + waiting.1;
        let is_empty = before == 0;
        let refusal = if !is_empty && before + requests > self.max_requests {
            Reject::QueueFull { waiting: before, limit: self.max_requests }
        } else if !is_empty && tokens_before + tokens > self.max_tokens {
            Reject::QueueTokensFull { waiting: tokens_before, limit: self.max_tokens }
        } else {
            return Ok(());
        };
        self.arrived(requests, tokens);
        Err(refusal)
    }

    /// A job reached the scheduler, or was given up on its way.
    pub fn arrived(&self, requests: usize, tokens: usize) {
        self.requests.fetch_sub(requests, SeqCst);
        self.tokens.fetch_sub(tokens, SeqCst);
    }

    /// Requests on their way.
    pub fn on_the_way(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_on_the_way_and_what_waits() {
        let gate = QueueGate::new(4, 100);
        assert_eq!(gate.enter(2, 20, (1, 10)), Ok(()));
        assert_eq!(gate.enter(1, 1, (1, 10)), Ok(()));
        assert_eq!(gate.enter(1, 1, (1, 10)), Err(Reject::QueueFull { waiting: 4, limit: 4 }));
        assert_eq!(gate.on_the_way(), 3);
        gate.arrived(2, 20);
        assert_eq!(gate.enter(1, 90, (1, 10)), Err(Reject::QueueTokensFull { waiting: 11, limit: 100 }));
        assert_eq!(gate.enter(1, 89, (1, 10)), Ok(()));
        assert_eq!(QueueGate::new(4, 100).enter(9, 900, (0, 0)), Ok(()), "an empty queue takes any job");
    }
}
