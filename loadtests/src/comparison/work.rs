//! A load of a comparison: one scenario at one or more numbers of clients.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    marks::Marks,
    scenario::{Checks, Load, Scenario},
};

/// Fewer requests than this at one number of clients say nothing.
const FEWEST_REQUESTS: usize = 4;

/// A work as a comparison writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenWork {
    /// A closed-loop scenario, from the comparison's folder.
    scenario: PathBuf,
    /// Numbers of clients [default: the scenario's].
    #[serde(default)]
    clients: Vec<usize>,
    /// Requests of each client [default: as many as in the scenario].
    requests_per_client: Option<usize>,
}

/// A load of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Work {
    /// Requests, warm-up and time limits.
    pub scenario: Scenario,
    /// The numbers of clients it is put on with, rising.
    pub points: Vec<Point>,
}

/// One number of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Clients at once.
    pub clients: usize,
    /// Requests in all.
    pub requests: usize,
}

impl WrittenWork {
    /// Reads its scenario.
    pub fn read(self, folder: &Path) -> Result<Work> {
        let path = folder.join(&self.scenario);
        let scenario = Scenario::read(&path)?;
        self.of(scenario).with_context(|| format!("work {}", path.display()))
    }

    fn of(self, mut scenario: Scenario) -> Result<Work> {
        let Load::Closed { clients, requests, .. } = scenario.load else {
            bail!("its load is not a closed loop, so it has no number of clients");
        };
        let reads = !scenario.request.endpoint.generates() || !scenario.beside.is_empty();
        ensure!(!reads, "it has texts read, or loads beside it, which are not compared");
        ensure!(scenario.request.leave_share == 0.0, "its clients leave, so that tokens are not comparable");
        ensure!(!self.clients.contains(&0) && self.requests_per_client != Some(0), "0 clients or requests");
        let per_client = self.requests_per_client.unwrap_or(requests.div_ceil(clients));
        let mut numbers = if self.clients.is_empty() { vec![clients] } else { self.clients };
        numbers.sort_unstable();
        numbers.dedup();
        // Checks and marks are Gondola's own promises; here servers are measured alike.
        (scenario.checks, scenario.marks) = (Checks::default(), Marks::default());
        let requests = |clients: usize| (clients * per_client).max(FEWEST_REQUESTS);
        let points = numbers.into_iter().map(|clients| Point { clients, requests: requests(clients) }).collect();
        Ok(Work { scenario, points })
    }
}

impl Work {
    /// Its short name.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// The scenario to run at one number of clients.
    pub fn scenario(&self, Point { clients, requests }: Point, seed: u64) -> Scenario {
        Scenario { seed, load: Load::Closed { clients, requests, reset: false }, ..self.scenario.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(written: &str, scenario: &str) -> Result<Work> {
        let written: WrittenWork = toml::from_str(&format!("scenario = 'x.toml'\n{written}"))?;
        written.of(Scenario::parse(&format!("name = 'x'\n{scenario}"))?)
    }

    const CLOSED: &str = "[load]\nkind = 'closed'\nclients = 16\nrequests = 64\n[checks]\nledger = true";

    #[test]
    fn the_scenario_gives_what_is_not_written() {
        let plain = work("", CLOSED).unwrap();
        assert_eq!(plain.points, [Point { clients: 16, requests: 64 }]);
        assert!(!plain.scenario.checks.ledger);
        let scenario = plain.scenario(plain.points[0], 9);
        assert_eq!((scenario.seed, scenario.load), (9, Load::Closed { clients: 16, requests: 64, reset: false }));
    }

    #[test]
    fn numbers_of_clients_rise_and_few_clients_still_send_some_requests() {
        let swept = work("clients = [8, 1, 8]\nrequests_per_client = 2", CLOSED).unwrap();
        let expected = [(1, 4), (8, 16)].map(|(clients, requests)| Point { clients, requests });
        assert_eq!(swept.points, expected);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert!(work("clients = [0]", CLOSED).is_err());
        assert!(work("requests_per_client = 0", CLOSED).is_err());
        assert!(work("requests = 3", CLOSED).is_err());
        assert!(work("", "[load]\nkind = 'equal'\nrequests = 3").is_err());
        assert!(work("", &CLOSED.replace("[checks]\nledger = true", "[request]\nleave_share = 0.5")).is_err());
        assert!(work("", &CLOSED.replace("[checks]\nledger = true", "[request]\nendpoint = 'ner'")).is_err());
    }
}
