//! Hard bounds, fixed at start and checked once, at submit.

use crate::Speculation;

/// What the scheduler may never exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sequences that may run at once.
    pub max_num_seqs: usize,
    /// Tokens that one step may compute.
    pub max_num_batched_tokens: usize,
    /// KV positions in a block.
    pub block_size: usize,
    /// Blocks in the pool.
    pub num_blocks: usize,
    /// Positions that a token sees, its own included, if that is so in every layer: blocks behind are given back.
    pub window: Option<usize>,
    /// Most tokens of a sequence, prompt and generated together.
    pub max_model_len: usize,
    /// Requests that may wait.
    pub max_queued_requests: usize,
    /// Prompt tokens that may wait.
    pub max_queued_tokens: usize,
    /// Draws of one step and prompt tokens that it scores, together; at least one for each sequence that may run.
    /// Scores take what may not be drawn, proposals what is left of both.
    pub max_samples: usize,
    /// How next tokens are proposed.
    pub speculation: Speculation,
}

impl Limits {
    /// Blocks that hold `positions` KV positions.
    pub fn blocks_for(&self, positions: usize) -> usize {
        positions.div_ceil(self.block_size)
    }

    /// Blocks that a sequence of `positions` KV positions holds at one time, at most, however it is cut into steps.
    pub fn held_blocks_for(&self, positions: usize) -> usize {
        let all = self.blocks_for(positions);
        let Some(window) = self.window else { return all };
        // What a step computes and what its first token sees before itself; neither end need be that of a block.
        let reach = window.saturating_add(self.max_num_batched_tokens).saturating_sub(1);
        all.min(self.blocks_for(reach) + 1)
    }

    /// Most KV positions a sequence can fill: its last sampled token is never fed back.
    pub fn peak_positions(prompt: usize, max_new: usize) -> usize {
        prompt.saturating_add(max_new.max(1) - 1)
    }

    /// Sequences that can run at once: each of them gets at least one token in every step.
    pub fn max_running(&self) -> usize {
        self.max_num_seqs.min(self.max_num_batched_tokens)
    }
}
