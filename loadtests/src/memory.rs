//! A process's resident memory, from `/proc`: Linux only, an error elsewhere.

use std::fs;

use anyhow::{Context, Result};

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
