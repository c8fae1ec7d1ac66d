//! A process with all its descendants, from `/proc`: Linux only.

use std::{collections::BTreeMap, fs};

/// What `/proc/PID/stat` says that is needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Ticks of the process and of its children that have ended.
    cpu_ticks: u64,
}

/// The process and its descendants; itself only where it has none or is gone.
pub fn members(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in processes() {
        if let Some(stat) = Stat::of(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut members = vec![root];
    let mut looked_at = 0;
    while let Some(children) = members.get(looked_at).map(|pid| children.remove(pid).unwrap_or_default()) {
        members.extend(children);
        looked_at += 1;
    }
    members
}

/// CPU time of the process and its descendants so far, in seconds.
pub fn cpu_s(root: u32) -> f64 {
    let ticks: u64 = members(root).into_iter().filter_map(Stat::of).map(|stat| stat.cpu_ticks).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in brackets may hold spaces and brackets: what counts comes after the last one.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>().ok());
        Some(Self { parent: fields[1].parse().ok()?, cpu_ticks: ticks.sum::<Option<u64>>()? })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn reads_a_line_whose_name_has_brackets() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 0 0 0 0 0 10 20 1 2 20 0 1 0 99";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 3, cpu_ticks: 33 }));
        assert_eq!(Stat::parse("7 (a) S 3"), None);
    }

    #[test]
    fn a_child_is_a_member_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let me = std::process::id();
        assert_eq!(members(me)[0], me);
        assert!(members(me).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!members(me).contains(&child.id()));
        assert!(cpu_s(me) >= 0.0);
    }
}
