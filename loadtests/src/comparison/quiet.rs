//! Waiting for a quiet machine: what else runs while a server is measured is measured with it.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::cpu_time::CpuTime;

/// How long the processors are watched at a look.
const LOOK: Duration = Duration::from_secs(2);

/// When a machine is quiet enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quiet {
    /// The highest load average of the last minute before the first start.
    pub load_average: f64,
    /// The most processors that others may keep busy right before a run (the load average still remembers the run
    /// before it) and during it.
    pub busy_cpus: f64,
    /// Seconds to wait for that; then the run goes on and the report says so.
    pub timeout: f64,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { load_average: 0.3, busy_cpus: 0.2, timeout: 300.0 }
    }
}

impl Quiet {
    /// Refuses limits that mean nothing.
    pub fn validate(&self) -> Result<()> {
        let named = [("load_average", self.load_average), ("busy_cpus", self.busy_cpus), ("timeout", self.timeout)];
        for (name, value) in named {
            ensure!(value.is_finite() && value >= 0.0, "quiet.{name} is {value}");
        }
        Ok(())
    }

    /// Waits for the load average to fall; a note if it does not.
    pub async fn before_start(&self) -> Option<String> {
        let limit = self.load_average;
        let note = |load: f64| format!("the load average was {load:.2}, not under {limit}");
        self.wait(async || load_average().unwrap_or_default(), limit, note).await
    }

    /// Waits until others leave the processors alone; a note if they do not.
    pub async fn before_run(&self) -> Option<String> {
        let limit = self.busy_cpus;
        if limit >= std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64) {
            return None;
        }
        let note = |cpus: f64| format!("others kept {cpus:.2} processors busy, not under {limit}");
        self.wait(others, limit, note).await
    }

    async fn wait(&self, look: impl AsyncFn() -> f64, limit: f64, note: impl Fn(f64) -> String) -> Option<String> {
        let start = Instant::now();
        loop {
            let seen = look().await;
            if seen <= limit {
                return None;
            }
            if start.elapsed().as_secs_f64() >= self.timeout {
                return Some(note(seen));
            }
            sleep(LOOK).await;
        }
    }
}

/// Processors that others keep busy over the next moments.
async fn others() -> f64 {
    let (start, before) = (Instant::now(), CpuTime::now());
    sleep(LOOK).await;
    CpuTime::now().others_since(before) / start.elapsed().as_secs_f64()
}

/// The load average of the last minute.
fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("no load average")?;
    text.split(' ').next().and_then(|load| load.parse().ok()).context("no number in the load average")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_that_never_falls_quiet_is_noted_and_a_quiet_one_is_not() {
        let quiet = Quiet { load_average: 0.0, busy_cpus: 0.0, timeout: 0.0 };
        let note = quiet.wait(async || 1.5, 0.5, |load| format!("{load}")).await;
        assert_eq!(note.as_deref(), Some("1.5"));
        assert_eq!(quiet.wait(async || 0.5, 0.5, |load| format!("{load}")).await, None);
        assert!(load_average().unwrap() >= 0.0);
    }
}
