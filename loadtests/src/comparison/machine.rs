//! The machine a comparison ran on: its processor and the instruction sets that kernels choose by.

use std::fs;

use serde::Serialize;

/// Flags of x86 and Arm processors that matter for matrix kernels.
const KERNEL_FLAGS: [&str; 15] = [
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
    "bf16",
];

/// What a reader must know about the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors this program may use.
    pub cpus: usize,
    /// Those of its flags that kernels choose by.
    pub flags: Vec<String>,
    /// Memory in all, in MiB.
    pub memory_mib: u64,
}

impl Machine {
    /// The one this runs on.
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cpus, ..Self::parse(&read("/proc/cpuinfo"), &read("/proc/meminfo")) }
    }

    fn parse(cpuinfo: &str, meminfo: &str) -> Self {
        let value = |text: &str, name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| field.trim() == name).map(|(_, value)| value.trim().to_owned())
        };
        let cpu = value(cpuinfo, "model name").or_else(|| value(cpuinfo, "CPU part").map(|part| format!("Arm {part}")));
        let flags = value(cpuinfo, "flags").or_else(|| value(cpuinfo, "Features")).unwrap_or_default();
        let flags: Vec<&str> = flags.split(' ').collect();
        let known = KERNEL_FLAGS.into_iter().filter(|flag| flags.contains(flag));
        let memory = value(meminfo, "MemTotal").and_then(|kib| kib.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu: cpu.unwrap_or_else(|| format!("unknown {}", std::env::consts::ARCH)),
            cpus: 0,
            flags: known.map(str::to_owned).collect(),
            memory_mib: memory.unwrap_or_default() / 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_with_the_flags_that_matter() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu fma avx2 avx512f avx512_vnni\n";
        let machine = Machine::parse(cpuinfo, "MemTotal:       2097152 kB\n");
        assert_eq!((machine.cpu.as_str(), machine.memory_mib), ("AMD EPYC", 2048));
        assert_eq!(machine.flags, ["avx2", "fma", "avx512f", "avx512_vnni"]);
    }

    #[test]
    fn an_arm_processor_has_features_and_an_unknown_one_a_word() {
        let arm = Machine::parse("CPU part\t: 0xd40\nFeatures\t: fp asimddp i8mm\n", "");
        assert_eq!((arm.cpu.as_str(), arm.flags.len()), ("Arm 0xd40", 2));
        assert!(Machine::parse("", "").cpu.starts_with("unknown"));
        assert!(Machine::here().cpus > 0);
    }
}
