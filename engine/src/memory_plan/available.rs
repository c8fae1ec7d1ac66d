//! How much memory this process may still take: the machine's, or less if a container's limit is nearer.

use std::path::{Path, PathBuf};

use crate::error::LoadError;

const MEMORY_INFO: &str = "/proc/meminfo";
const OWN_GROUPS: &str = "/proc/self/cgroup";
const GROUPS: &str = "/sys/fs/cgroup";

/// Reads files, or says that there is none: the tests' machine is a table.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// Bytes available now, in swap not; fails where the system does not say.
pub fn available_bytes() -> Result<u64, LoadError> {
    let path = Path::new(MEMORY_INFO);
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::io(path, source))?;
    let machine = line_value(&text, "MemAvailable:").map(|kibibytes| kibibytes << 10);
    let machine = machine.ok_or_else(|| LoadError::field(path, "MemAvailable", "is missing"))?;
    let group = left_in_groups(&|path| std::fs::read_to_string(path).ok());
    Ok(group.map_or(machine, |group| group.min(machine)))
}

/// What the nearest limit of the control groups around this process leaves, in version 2 or 1; none if there is none.
fn left_in_groups(read: Read) -> Option<u64> {
    let own = read(Path::new(OWN_GROUPS))?;
    own.lines().filter_map(|line| left_in_line(line, read)).min()
}

/// A line is `id:controllers:path`; version 2 has no controllers.
fn left_in_line(line: &str, read: Read) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let version = match controllers {
        "" => &VERSION_2,
        _ if controllers.split(',').any(|name| name == "memory") => &VERSION_1,
        _ => return None,
    };
    let root = Path::new(GROUPS).join(version.folder);
    // inside a container the path may be the host's: then only the root exists, and it is the container's own group
    let own = root.join(path.trim_start_matches('/'));
    let groups = own.ancestors().take_while(|group| group.starts_with(&root)).map(Path::to_owned);
    groups.filter_map(|group| version.left(&group, read)).min()
}

struct GroupVersion {
    folder: &'static str,
    limit: &'static str,
    usage: &'static str,
    reclaimable: &'static str,
}

const VERSION_2: GroupVersion =
    GroupVersion { folder: "", limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file " };
const VERSION_1: GroupVersion = GroupVersion {
    folder: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file ",
};

impl GroupVersion {
    /// The group's limit minus its use; cached file pages count as free, since the kernel gives them up first.
    fn left(&self, group: &Path, read: Read) -> Option<u64> {
        let number = |name: &str| read(&group.join(name))?.trim().parse::<u64>().ok();
        let limit = number(self.limit)?;
        let usage = number(self.usage)?;
        let statistics = read(&PathBuf::from(group).join("memory.stat")).unwrap_or_default();
        let reclaimable = line_value(&statistics, self.reclaimable).unwrap_or(0);
        Some(limit.saturating_sub(usage.saturating_sub(reclaimable)))
    }
}

/// The number after `name` in the line that begins with it.
fn line_value(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[(&str, &str)]) -> Option<u64> {
        let read = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        left_in_groups(&read)
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(left(&[]), None);
        let unlimited = [("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "max\n")];
        assert_eq!(left(&unlimited), None);
    }

    #[test]
    fn version_2_takes_the_tightest_of_the_groups_above() {
        let files = [
            ("/proc/self/cgroup", "0::/pod/box\n"),
            ("/sys/fs/cgroup/pod/memory.max", "1000\n"),
            ("/sys/fs/cgroup/pod/memory.current", "600\n"),
            ("/sys/fs/cgroup/pod/memory.stat", "anon 400\ninactive_file 100\n"),
            ("/sys/fs/cgroup/pod/box/memory.max", "900\n"),
            ("/sys/fs/cgroup/pod/box/memory.current", "100\n"),
        ];
        assert_eq!(left(&files), Some(500));
    }

    #[test]
    fn version_1_in_a_container_is_found_at_the_root() {
        let files = [
            ("/proc/self/cgroup", "12:cpu:/docker/x\n5:memory:/docker/x\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5000"),
            ("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 1000\n"),
        ];
        assert_eq!(left(&files), Some(96));
    }

    #[test]
    fn this_machine_says_something() {
        assert!(available_bytes().expect("the machine has /proc/meminfo") > 0);
    }

    #[test]
    fn a_line_is_found_by_its_name() {
        assert_eq!(line_value("MemTotal: 9 kB\nMemAvailable:   12 kB\n", "MemAvailable:"), Some(12));
        assert_eq!(line_value("MemTotal: 9 kB\n", "MemAvailable:"), None);
    }
}
