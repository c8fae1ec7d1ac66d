//! Hard bounds, fixed at start and checked once, at submit.

use crate::{KvPool, Speculation};

/// How a model computes sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// In ranges, on the keys and values that steps before left in blocks.
    #[default]
    Cached,
    /// Each one whole in a single step, because its tokens see those behind them. No blocks are held, and all sequences
    /// are pooled.
    Whole,
}

/// Blocks of layers that see a window only, where others see all positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowedPool {
    /// Blocks in the pool.
    pub num_blocks: usize,
    /// Positions that a token sees, its own included, in the layer that sees most: blocks behind are given back.
    pub window: usize,
}

/// What the scheduler may never exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sequences that may run at once.
    pub max_num_seqs: usize,
    /// How sequences are computed. Where each is whole, none may be longer than a step.
    pub passes: Passes,
    /// Tokens that one step may compute.
    pub max_num_batched_tokens: usize,
    /// KV positions in a block.
    pub block_size: usize,
    /// Blocks in the pool.
    pub num_blocks: usize,
    /// Positions that a token sees, its own included, if that is so in every layer: blocks behind are given back.
    pub window: Option<usize>,
    /// The second pool, where some layers see a window and others see all: `window` is none.
    pub windowed: Option<WindowedPool>,
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
    /// The pools that there are.
    pub fn pools(&self) -> impl Iterator<Item = KvPool> + use<> {
        [KvPool::Main].into_iter().chain(self.windowed.map(|_| KvPool::Windowed))
    }

    /// How many blocks a pool has.
    pub fn blocks_in(&self, pool: KvPool) -> usize {
        match pool {
            KvPool::Main => self.num_blocks,
            KvPool::Windowed => self.windowed.map_or(0, |windowed| windowed.num_blocks),
        }
    }

    /// Positions that a token sees in the layers of a pool, if not all before it.
    pub fn window_in(&self, pool: KvPool) -> Option<usize> {
        match pool {
            KvPool::Main => self.window,
            KvPool::Windowed => self.windowed.map(|windowed| windowed.window),
        }
    }

    /// Blocks of each pool that hold `positions` KV positions of a sequence.
    pub fn blocks_for(&self, positions: usize) -> usize {
        match self.passes {
            Passes::Cached => positions.div_ceil(self.block_size),
            Passes::Whole => 0,
        }
    }

    /// Blocks of a pool that a sequence of `positions` KV positions holds at one time, at most, however it is cut into steps.
    pub fn held_blocks_for(&self, pool: KvPool, positions: usize) -> usize {
        let all = self.blocks_for(positions);
        let seen = |window| Self::window_blocks(window, self.max_num_batched_tokens, self.block_size);
        self.window_in(pool).map_or(all, |window| all.min(seen(window)))
    }

    /// Most KV positions that each of so many sequences can fill beside the others; no bound where a window gives blocks back.
    pub fn most_positions(&self, sequences: usize) -> Option<usize> {
        let of_pool = |pool| {
            let blocks = self.blocks_in(pool) / sequences;
            let moving = |window| Self::window_blocks(window, self.max_num_batched_tokens, self.block_size);
            let moves = self.window_in(pool).is_some_and(|window| moving(window) <= blocks);
            (!moves).then_some(blocks * self.block_size)
        };
        self.pools().filter_map(of_pool).min()
    }

    /// Blocks that a window of so many positions takes, and the tokens of a step with it: what the step computes and what its
    /// first token sees before itself, neither end of which need be that of a block.
    pub fn window_blocks(window: usize, step_tokens: usize, block_size: usize) -> usize {
        window.saturating_add(step_tokens).saturating_sub(1).div_ceil(block_size) + 1
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        passes: Passes::Cached,
        max_num_seqs: 2,
        max_num_batched_tokens: 5,
        block_size: 4,
        num_blocks: 12,
        window: Some(8),
        windowed: None,
        max_model_len: 1000,
        max_queued_requests: 1,
        max_queued_tokens: 1000,
        max_samples: 5,
        speculation: Speculation::PREDICTIONS,
    };

    #[test]
    fn a_window_bounds_what_is_held_and_nothing_else() {
        let whole = Limits { window: None, ..LIMITS };
        // Twelve positions that begin at the last of a block lie in four.
        let held = |limits: &Limits, pool, positions| limits.held_blocks_for(pool, positions);
        assert_eq!([4, 12, 16, 17, 1000].map(|positions| held(&LIMITS, KvPool::Main, positions)), [1, 3, 4, 4, 4]);
        assert_eq!([16, 17, 1000].map(|positions| held(&whole, KvPool::Main, positions)), [4, 5, 250]);
        assert_eq!([1, 3, 4].map(|sequences| LIMITS.most_positions(sequences)), [None, None, Some(12)]);
        assert_eq!(whole.most_positions(2), Some(24));
        let mixed = Limits { windowed: Some(WindowedPool { num_blocks: 9, window: 8 }), ..whole };
        assert_eq!([KvPool::Main, KvPool::Windowed].map(|pool| held(&mixed, pool, 1000)), [250, 4]);
        assert_eq!([1, 2, 3].map(|sequences| mixed.most_positions(sequences)), [Some(48), Some(24), Some(12)]);
    }
}
