//! Closed loop: each client sends its next request when its last has ended.

use std::{
    cell::Cell,
    ops::Range,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::{bench::Bench, client::Client, figures::Outcome, scenario::Load};

/// How long a client waits when a request has failed: a server that refuses at once is not to be asked all the time.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What is still to be sent.
struct Queue {
    next: Cell<u64>,
    end: u64,
    /// Nothing is begun any more from then on.
    until: Option<Instant>,
}

/// Sends the requests of these numbers, in order, by the scenario's clients.
pub async fn clients(bench: &Bench, numbers: Range<u64>) -> Vec<Outcome> {
    work_off(bench, &Queue { next: Cell::new(numbers.start), end: numbers.end, until: None }).await
}

/// The same for so many seconds, with the numbers that are measured.
pub(super) async fn timed(bench: &Bench, seconds: f64) -> Vec<Outcome> {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    work_off(bench, &Queue { next: Cell::new(0), end: u64::MAX, until: Some(until) }).await
}

async fn work_off(bench: &Bench, queue: &Queue) -> Vec<Outcome> {
    let (clients, reset) = match bench.scenario.load {
        Load::Closed { clients, reset, .. } => (clients, reset),
        Load::Timed { clients, .. } => (clients, false),
        Load::Open { .. } | Load::Equal { .. } | Load::Stall { .. } => (1, false),
    };
    let abrupt = reset.then(|| bench.client.abrupt());
    let client = abrupt.as_ref().unwrap_or(&bench.client);
    let loops = (0..clients).map(|_| one_client(bench, client, queue));
    join_all(loops).await.into_iter().flatten().collect()
}

async fn one_client(bench: &Bench, client: &Client, queue: &Queue) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while let Some(number) = queue.take() {
        let outcome = bench.measure(client, &bench.workload.call(number)).await;
        if outcome.is_err() {
            sleep(AFTER_FAILURE).await;
        }
        outcomes.push(outcome);
    }
    outcomes
}

impl Queue {
    fn take(&self) -> Option<u64> {
        let is_open = self.next.get() < self.end && self.until.is_none_or(|until| Instant::now() < until);
        is_open.then(|| self.next.replace(self.next.get() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_order_until_they_or_the_time_are_over() {
        let queue = |until| Queue { next: Cell::new(5), end: 7, until };
        let taken = |queue: &Queue| std::iter::from_fn(|| queue.take()).collect::<Vec<_>>();
        assert_eq!(taken(&queue(None)), [5, 6]);
        assert_eq!(taken(&queue(Some(Instant::now() + Duration::from_secs(90)))), [5, 6]);
        assert!(taken(&queue(Some(Instant::now()))).is_empty());
    }
}
