//! Flags that commands beside `gondola serve` share: with which instructions they compute, and what numbers are held as.

use crate::config::EngineNames;

/// As `gondola serve` names them.
#[derive(Clone, Debug, clap::Args)]
pub struct NumberFlags {
    /// Instruction set of the kernels: scalar, avx2, avx512, amx, neon or neon-dotprod [default: the best]
    #[arg(long, value_name = "ISA", env = "GONDOLA_ISA")]
    pub isa: Option<String>,

    /// Weights as: auto (as they are stored), float32, float16 or bfloat16 (float weights in 16 bits) [default: auto]
    #[arg(long, value_name = "DTYPE", env = "GONDOLA_DTYPE")]
    pub dtype: Option<String>,

    /// Keys and values as: auto, f32, f16, q8_0 [default: auto: f16, or f32 with --dtype float32]
    #[allow(clippy::doc_markdown, reason = "the help shows it as it is typed")]
    #[arg(long, value_name = "DTYPE", env = "GONDOLA_KV_CACHE_DTYPE")]
    pub kv_cache_dtype: Option<String>,
}

impl NumberFlags {
    /// With so many threads, if a number is given.
    pub(crate) fn with_threads(&self, threads: Option<usize>) -> EngineNames<'_> {
        EngineNames {
            threads,
            isa: self.isa.as_deref(),
            dtype: self.dtype.as_deref(),
            kv_cache_dtype: self.kv_cache_dtype.as_deref(),
        }
    }
}
