//! How an engine computes.

use crate::kernels::cpu::isa::Isa;
use crate::kv_cache::KvDtype;
use crate::panels::Dtype;

/// What is chosen at start about threads, instructions and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Threads that compute, the engine's own included.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// What weights are computed in.
    pub dtype: Dtype,
    /// What keys and values are kept as.
    pub kv_dtype: KvDtype,
}
