//! How much processor time went where, so that a report can say what ran beside a measurement.

use std::fs;

use crate::process_tree;

/// Processor time so far, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTime {
    /// Of everything on the machine, and what its host took away.
    busy: f64,
    /// Of this program and all it started.
    own: f64,
}

impl CpuTime {
    /// Until now.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks = busy_ticks(&stat).unwrap_or_default();
        let busy = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        Self { busy, own: process_tree::cpu_s(std::process::id()) }
    }

    /// Time of others since `before`.
    pub fn others_since(self, before: Self) -> f64 {
        ((self.busy - before.busy) - (self.own - before.own)).max(0.0)
    }
}

/// User, nice, system, irq, softirq and steal of the first line; not idle and iowait.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).map_while(|n| n.parse().ok()).collect();
    Some(fields.get(..3)?.iter().sum::<u64>() + fields.get(5..8)?.iter().sum::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_time_is_not_busy() {
        assert_eq!(busy_ticks("cpu  1 2 4 1000 2000 8 16 32 0 0\ncpu0 1 1 1\n"), Some(63));
        assert_eq!(busy_ticks("cpu 1 2\n"), None);
    }

    #[test]
    fn what_this_program_uses_is_not_anothers() {
        let before = CpuTime { busy: 10.0, own: 4.0 };
        let after = CpuTime { busy: 15.0, own: 8.5 };
        assert_eq!(after.others_since(before), 0.5);
        assert_eq!(before.others_since(after), 0.0);
        assert!(CpuTime::now().busy >= 0.0);
    }
}
