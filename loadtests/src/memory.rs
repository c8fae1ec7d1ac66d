//! Resident memory of a process, or of one with its descendants, from `/proc`: Linux only.

use std::{convert::Infallible, fs, time::Duration};

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::process_tree;

const LOOK: Duration = Duration::from_millis(250);

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Now, in MiB.
    pub resident_mib: f64,
    /// At its highest, in MiB.
    pub peak_mib: f64,
}

impl Memory {
    /// Reads it for this process id.
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("no process {pid} to measure"))?;
        Self::parse(&status)
    }

    fn parse(status: &str) -> Result<Self> {
        let resident_mib = field_mib(status, "VmRSS:")?;
        Ok(Self { resident_mib, peak_mib: field_mib(status, "VmHWM:")? })
    }
}

/// The most that a process and its descendants held together, at any look.
#[derive(Debug, Default)]
pub struct TreePeak {
    /// In MiB.
    pub mib: f64,
}

impl TreePeak {
    /// Looks again and again until dropped.
    pub async fn watch(&mut self, root: u32) -> Infallible {
        loop {
            let memory = process_tree::members(root).into_iter().filter_map(|pid| Memory::of(pid).ok());
            self.mib = self.mib.max(memory.map(|memory| memory.resident_mib).sum());
            sleep(LOOK).await;
        }
    }
}

fn field_mib(status: &str, name: &str) -> Result<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.with_context(|| format!("the process status has no {name}"))? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_status_file() {
        let memory = Memory::parse("Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(memory, Memory { resident_mib: 2.0, peak_mib: 4.0 });
        assert!(Memory::parse("Name:\tx\n").is_err());
    }
}
