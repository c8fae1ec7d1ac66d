//! How an engine is to be set up: threads, instruction set, the size of its cache.

use crate::kernels::cpu::Isa;

/// Everything that is chosen at start. What is `None` follows from the model and the machine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that compute, the engine's own included.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// KV positions in a block.
    pub block_size: usize,
    /// Exactly so many blocks.
    pub num_kv_blocks: Option<usize>,
    /// Blocks for so many bytes of KV.
    pub kv_cache_memory_bytes: Option<u64>,
    /// Sequences that may run at once.
    pub max_num_seqs: usize,
    /// Tokens that one step may compute.
    pub max_num_batched_tokens: usize,
    /// Most tokens of a sequence.
    pub max_model_len: Option<usize>,
}
