//! How an engine computes.

use crate::kernels::cpu::isa::Isa;

/// What is chosen at start about threads and instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Threads that compute, the engine's own included.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub isa: Isa,
}
