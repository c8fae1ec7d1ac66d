//! Closed loop: each client sends its next request when its last has ended.

use std::{cell::Cell, ops::Range};

use futures_util::future::join_all;

use crate::{bench::Bench, client::Client, figures::Outcome, scenario::Load};

/// Sends the requests of these numbers, in order, by the scenario's clients.
pub async fn clients(bench: &Bench, numbers: Range<u64>) -> Vec<Outcome> {
    let (clients, reset) = match bench.scenario.load {
        Load::Closed { clients, reset, .. } => (clients, reset),
        Load::Open { .. } | Load::Equal { .. } | Load::Stall { .. } => (1, false),
    };
    let abrupt = reset.then(|| bench.client.abrupt());
    let client = abrupt.as_ref().unwrap_or(&bench.client);
    let next = Cell::new(numbers.start);
    let loops = (0..clients).map(|_| one_client(bench, client, &next, numbers.end));
    join_all(loops).await.into_iter().flatten().collect()
}

async fn one_client(bench: &Bench, client: &Client, next: &Cell<u64>, end: u64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while next.get() < end {
        let number = next.replace(next.get() + 1);
        outcomes.push(bench.measure(client, &bench.workload.call(number)).await);
    }
    outcomes
}
