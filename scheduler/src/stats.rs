//! The scheduler's account, for metrics: gauges of now and counters since the start.

use crate::{BlockCounts, SpeculationStats};

/// One snapshot, consistent in itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerStats {
    /// Sequences that run, each choice of a request counted.
    pub running: usize,
    /// Requests that wait, a preempted sequence counted as one.
    pub waiting: usize,
    /// Prompt tokens of those that wait.
    pub waiting_tokens: usize,
    /// Blocks by state.
    pub blocks: BlockCounts,
    /// The same of the second pool, if there is one.
    pub windowed_blocks: BlockCounts,
    /// How often a sequence lost its blocks.
    pub preemptions: u64,
    /// Prompt tokens looked up in the prefix cache, once for each request; none of prompts that are scored or whose states are told.
    pub prefix_query_tokens: u64,
    /// Prompt tokens found there.
    pub prefix_hit_tokens: u64,
    /// Prompt tokens of admitted requests, computed or found, counted once.
    pub prompt_tokens: u64,
    /// Tokens computed again after preemptions.
    pub recomputed_tokens: u64,
    /// Steps handed to the executor.
    pub steps: u64,
    /// What became of the proposals.
    pub speculation: SpeculationStats,
    /// How far the block counts are from adding up: 0, or a bug.
    pub ledger_error: usize,
}

impl SchedulerStats {
    /// Blocks of both pools by state.
    pub fn all_blocks(&self) -> BlockCounts {
        let (main, windowed) = (self.blocks, self.windowed_blocks);
        BlockCounts {
            total: main.total + windowed.total,
            used: main.used + windowed.used,
            cached: main.cached + windowed.cached,
            free: main.free + windowed.free,
        }
    }
}
