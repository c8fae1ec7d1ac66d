//! Where a request's time went, and what it held.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `timings`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timings {
    /// From its arrival at the engine to the first step, in milliseconds.
    pub queue_ms: f64,
    /// From there to the first token.
    pub prefill_ms: f64,
    /// From there to the end.
    pub decode_ms: f64,
    /// Tokens of the prompts that were found in the prefix cache.
    pub cached_tokens: usize,
    /// Tokens computed again after preemptions.
    pub recomputed_tokens: usize,
    /// How often a choice lost its blocks.
    pub preemptions: usize,
    /// Blocks of the KV cache, of all its pools, times the seconds that they were held.
    pub block_seconds: f64,
}
