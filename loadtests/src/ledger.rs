//! The server's block ledger, read from outside: used + cached + free = total at every scrape,
//! and nothing used once nothing runs.

use std::{
    convert::Infallible,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use tokio::time::sleep;

use crate::{client::Client, scrape::Scrape};

const POLL: Duration = Duration::from_millis(100);
const WATCH: Duration = Duration::from_millis(500);
const PROBES: [&str; 3] = ["/health", "/live", "/ready"];

/// What the server holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ledger {
    running: f64,
    waiting: f64,
    total: f64,
    used: f64,
    cached: f64,
    free: f64,
    error: f64,
}

impl Ledger {
    /// Reads it from the server now.
    pub async fn read(client: &Client) -> Result<Self> {
        Self::of(&Scrape::take(client).await?)
    }

    /// Reads it from a scrape.
    pub fn of(scrape: &Scrape) -> Result<Self> {
        Ok(Self {
            running: scrape.value("vllm:num_requests_running")?,
            waiting: scrape.value("vllm:num_requests_waiting")?,
            total: scrape.value("gondola:kv_blocks_total")?,
            used: scrape.value("gondola:kv_blocks_used")?,
            cached: scrape.value("gondola:kv_blocks_cached")?,
            free: scrape.value("gondola:kv_blocks_free")?,
            error: scrape.value("gondola:kv_ledger_error")?,
        })
    }

    /// An error unless the counts add up to a pool that exists.
    pub fn check_whole(&self) -> Result<()> {
        let sum = self.used + self.cached + self.free;
        ensure!(self.total > 0.0 && sum == self.total && self.error == 0.0, "the ledger is broken: {self}");
        Ok(())
    }

    /// Whether nothing runs, waits or holds a block.
    pub fn is_idle(&self) -> bool {
        [self.running, self.waiting, self.used].iter().all(|&count| count == 0.0)
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { running, waiting, total, used, cached, free, error } = self;
        write!(
            f,
            "running {running}, waiting {waiting}, used {used} + cached {cached} + free {free} of {total} blocks, error {error}"
        )
    }
}

/// Waits until the server is idle; gives the time it took. An error if the limit passes or the
/// ledger is not whole at any look.
pub async fn settle(client: &Client, limit: Duration) -> Result<(Ledger, Duration)> {
    let start = Instant::now();
    loop {
        let ledger = Ledger::read(client).await?;
        ledger.check_whole()?;
        if ledger.is_idle() {
            return Ok((ledger, start.elapsed()));
        }
        if start.elapsed() > limit {
            bail!("not idle after {} s: {ledger}", limit.as_secs_f64());
        }
        sleep(POLL).await;
    }
}

/// Looks at the ledger and the probes again and again while a load runs.
#[derive(Debug, Default)]
pub struct Watch {
    /// How long each answer took.
    pub times: Vec<Duration>,
    /// How many ledgers were whole.
    pub scrapes: usize,
    broken: Option<String>,
}

impl Watch {
    /// Watches until dropped.
    pub async fn forever(&mut self, client: &Client) -> Infallible {
        loop {
            let start = Instant::now();
            let ledger = Ledger::read(client).await.and_then(|ledger| ledger.check_whole());
            self.times.push(start.elapsed());
            self.scrapes += usize::from(ledger.is_ok());
            self.note(ledger);
            for probe in PROBES {
                let start = Instant::now();
                let answer = client.text(probe).await;
                self.times.push(start.elapsed());
                self.note(answer.map(drop));
            }
            sleep(WATCH).await;
        }
    }

    /// What was seen, or the first thing that was wrong.
    pub fn verdict(&self) -> Result<String> {
        match &self.broken {
            Some(broken) => bail!("{broken}"),
            None if self.scrapes == 0 => bail!("no scrape ended before the load did"),
            None => Ok(format!("{} scrapes", self.scrapes)),
        }
    }

    fn note(&mut self, looked: Result<()>) {
        if let Err(error) = looked {
            self.broken.get_or_insert(format!("{error:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(running: u32, used: u32, cached: u32, free: u32, error: u32) -> Ledger {
        let text = format!(
            "vllm:num_requests_running{{engine=\"0\"}} {running}\nvllm:num_requests_waiting 0\n\
             gondola:kv_blocks_total 10\ngondola:kv_blocks_used {used}\ngondola:kv_blocks_cached {cached}\n\
             gondola:kv_blocks_free {free}\ngondola:kv_ledger_error {error}\n"
        );
        Ledger::of(&Scrape::parse(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_leak_and_a_reported_error_are_seen() {
        assert!(ledger(2, 4, 1, 5, 0).check_whole().is_ok());
        assert!(ledger(2, 4, 1, 4, 0).check_whole().is_err());
        assert!(ledger(2, 4, 1, 5, 1).check_whole().is_err());
    }

    #[test]
    fn idle_means_nothing_runs_and_nothing_is_held() {
        assert!(ledger(0, 0, 4, 6, 0).is_idle());
        assert!(!ledger(0, 1, 3, 6, 0).is_idle());
        assert!(!ledger(1, 0, 4, 6, 0).is_idle());
    }

    #[test]
    fn a_missing_metric_is_an_error_not_a_zero() {
        let scrape = Scrape::parse("vllm:num_requests_running 0\n").unwrap();
        assert!(Ledger::of(&scrape).unwrap_err().to_string().contains("num_requests_waiting"));
    }
}
