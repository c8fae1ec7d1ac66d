//! What a reader of figures must know about the processor: its name, and the flags that kernels choose by.

use std::fs;

/// Flags of x86 and Arm processors that matter for the kernels, as Linux spells them.
const KERNEL_FLAGS: [&str; 15] = [
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
    "bf16",
];

/// The processor this runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuFacts {
    /// Its name.
    pub name: String,
    /// Those of its flags that matter for the kernels.
    pub flags: Vec<&'static str>,
}

impl CpuFacts {
    /// Asks the operating system; where it says nothing, the name is the architecture's and there are no flags.
    pub fn here() -> Self {
        Self::parse(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
    }

    fn parse(cpuinfo: &str) -> Self {
        let value = |wanted: &str| {
            let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| field.trim() == wanted).map(|(_, value)| value.trim())
        };
        let name = value("model name").map(str::to_owned);
        let name = name.or_else(|| value("CPU part").map(|part| format!("Arm {part}")));
        let flags = value("flags").or_else(|| value("Features")).unwrap_or_default();
        let has = |flag: &&str| flags.split(' ').any(|one| one == *flag);
        Self {
            name: name.unwrap_or_else(|| format!("unknown {}", std::env::consts::ARCH)),
            flags: KERNEL_FLAGS.into_iter().filter(has).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_its_name_and_the_flags_that_matter() {
        let facts = CpuFacts::parse("processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu fma avx2 avx512f\n");
        assert_eq!((facts.name.as_str(), facts.flags.as_slice()), ("AMD EPYC", &["avx2", "fma", "avx512f"][..]));
        let arm = CpuFacts::parse("Features\t: fp asimddp i8mm\nCPU part\t: 0xd40\n");
        assert_eq!((arm.name.as_str(), arm.flags.as_slice()), ("Arm 0xd40", &["asimddp", "i8mm"][..]));
        assert!(CpuFacts::parse("").name.starts_with("unknown "));
        assert!(!CpuFacts::here().name.is_empty());
    }
}
