//! What a model needs in memory and how much of the rest its KV cache gets, as arithmetic that can be shown.
//!
//! Invariant: weights + KV + scratch fit into the memory that was available, and what one sequence of `max_model_len`
//! tokens holds at one time fits into the pool. Nothing is allocated here.

mod arithmetic;
mod available;
mod byte_count;
mod encoder;
mod fits;
mod needs;
mod sizes;
mod together;
mod windowed;

use std::fmt;

use scheduler::{Passes, WindowedPool};

use crate::checkpoint::Checkpoint;
use crate::config::{DecoderConfig, ModelConfig};
use crate::error::LoadError;
use crate::options::EngineOptions;
pub use available::available_bytes;
use byte_count::ByteCount;
pub use fits::{Fit, Fits};
use needs::Needs;
pub(crate) use sizes::Sizes;

/// Prompt tokens that can be scored in a step in which everybody draws: a prompt that is scored moves at least as fast as
/// the pace of prompts under load lets it.
const SCORED_TOKENS: usize = 16;

/// The settings that decide about memory; names are those of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Positions in one block of the KV cache.
    pub block_size: usize,
    /// Exact size of the pool; wins over bytes. A second pool follows from it.
    pub num_kv_blocks: Option<usize>,
    /// Bytes of the pool, or of both. With neither, a quarter of what is available.
    pub kv_cache_memory_bytes: Option<u64>,
    /// Sequences that run at once.
    pub max_num_seqs: usize,
    /// Tokens of one step.
    pub max_num_batched_tokens: usize,
    /// Longest sequence; the model's context, or less if the pool is small, where it is not given.
    pub max_model_len: Option<usize>,
    /// Proposals of a sequence in one step; each is a row of logits more.
    pub num_speculative_tokens: usize,
    /// Whether layers that see a window only get a pool of their own where others see all positions. Whoever lays blocks out by
    /// hand may go without.
    pub windowed_pool: bool,
}

impl Default for MemoryLimits {
    /// A pool by the memory there is, for a server of many small requests.
    fn default() -> Self {
        Self {
            block_size: 16,
            num_kv_blocks: None,
            kv_cache_memory_bytes: None,
            max_num_seqs: 64,
            max_num_batched_tokens: 256,
            max_model_len: None,
            num_speculative_tokens: 0,
            windowed_pool: true,
        }
    }
}

impl MemoryLimits {
    /// The same for one of several models: a length that it was not made for becomes the greatest it was made for.
    #[must_use]
    pub fn of_one_among_several(&self, model: &ModelConfig) -> Self {
        let max_model_len = self.max_model_len.map(|length| length.min(model.max_positions()));
        Self { max_model_len, ..self.clone() }
    }

    /// Draws of one step and prompt tokens that it scores, together: those of a loaded server, and some scores beside
    /// them.
    pub fn max_samples(&self) -> usize {
        let draws = self.max_num_seqs.saturating_mul(1 + self.num_speculative_tokens);
        draws.min(self.max_num_batched_tokens).saturating_add(SCORED_TOKENS)
    }

    /// Rows of logits that one step may have; each is of a token.
    pub fn max_logit_rows(&self) -> usize {
        self.max_samples().min(self.max_num_batched_tokens)
    }
}

/// Where the memory goes. Bytes; `Display` prints the arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// All parameters once, as they are held.
    pub weights_bytes: u64,
    /// The pool, or both of them.
    pub kv_bytes: u64,
    /// One block of the pool.
    pub kv_bytes_per_block: u64,
    /// One block of the second pool, if there is one.
    pub kv_bytes_per_windowed_block: u64,
    /// How the model computes sequences: whole ones need no pool.
    pub passes: Passes,
    /// Tokens of the largest step.
    pub max_num_batched_tokens: usize,
    /// Blocks in the pool.
    pub num_blocks: usize,
    /// The second pool, of layers that see a window only where others see all positions.
    pub windowed: Option<WindowedPool>,
    /// Positions in a block.
    pub block_size: usize,
    /// Activations and logits of the largest step.
    pub scratch_bytes: u64,
    /// Memory that was available, a container's limit included.
    pub available_bytes: u64,
    /// Longest sequence, prompt and answer together.
    pub max_model_len: usize,
    /// Positions the model was made for; `max_model_len` may be less.
    pub max_positions: usize,
    /// Longest text that the settings allow, however much the pool holds: numbers that depend on it are the same on every
    /// machine.
    pub longest_text: usize,
}

impl MemoryPlan {
    /// Plans for this machine; fails with the arithmetic if the model or the wanted context does not fit.
    pub fn new(checkpoint: &Checkpoint, options: &EngineOptions, limits: &MemoryLimits) -> Result<Self, LoadError> {
        Self::within(checkpoint, options, limits, available_bytes()?)
    }

    /// The same where the model may take so many bytes.
    pub fn within(
        checkpoint: &Checkpoint,
        options: &EngineOptions,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<Self, LoadError> {
        Self::of(checkpoint.model(), Sizes::new(checkpoint, options), limits, available_bytes)
    }

    /// All that it takes.
    pub fn total_bytes(&self) -> u64 {
        self.weights_bytes + self.kv_bytes + self.scratch_bytes
    }

    /// Its second pool.
    fn windowed_bytes(&self) -> u64 {
        self.windowed.map_or(0, |pool| pool.num_blocks as u64 * self.kv_bytes_per_windowed_block)
    }

    /// The same for a model whose weights take so much.
    pub(crate) fn of(
        model: &ModelConfig,
        sizes: Sizes,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<Self, LoadError> {
        match model {
            ModelConfig::Decoder(config) => Self::with_available(config, sizes, limits, available_bytes),
            ModelConfig::Encoder(config) => Self::of_encoder(config, sizes.weights, limits, available_bytes),
        }
    }

    /// Plans for weights and elements of these sizes, on a machine with `available` bytes.
    fn with_available(
        config: &DecoderConfig,
        sizes: Sizes,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<Self, LoadError> {
        assert!(limits.block_size > 0 && limits.max_num_seqs > 0, "limits are above 0");
        check_context(config.max_positions, limits)?;
        let needs = Needs::of_decoder(config, sizes, limits, available_bytes);
        let num_blocks = needs.num_blocks(config, limits)?;
        let plan = Self {
            weights_bytes: needs.weights,
            kv_bytes: needs.pool_bytes(num_blocks),
            kv_bytes_per_block: needs.per_block,
            kv_bytes_per_windowed_block: needs.windowed.as_ref().map_or(0, |windowed| windowed.per_block),
            passes: Passes::Cached,
            max_num_batched_tokens: limits.max_num_batched_tokens,
            num_blocks: num_blocks as usize,
            windowed: needs.windowed.as_ref().map(|windowed| windowed.pool(num_blocks)),
            block_size: limits.block_size,
            scratch_bytes: needs.scratch,
            available_bytes,
            max_model_len: needs.max_model_len(config, limits, num_blocks)?,
            max_positions: config.max_positions,
            longest_text: limits.max_model_len.unwrap_or(config.max_positions),
        };
        Ok(plan)
    }
}

fn check_context(most: usize, limits: &MemoryLimits) -> Result<(), LoadError> {
    match limits.max_model_len {
        Some(length) if length == 0 || length > most => {
            Err(LoadError::Memory(format!("max-model-len {length} is not in 1..={most}, the model's positions")))
        }
        _ => Ok(()),
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let total = self.total_bytes();
        let mut line =
            |name: &str, bytes: u64, note: &str| writeln!(formatter, "{name:<10}{:>11}  {note}", ByteCount(bytes));
        let blocks = format!(
            "{} blocks of {} tokens, {} each: {} tokens",
            self.num_blocks,
            self.block_size,
            ByteCount(self.kv_bytes_per_block),
            self.num_blocks * self.block_size
        );
        line("weights", self.weights_bytes, "every parameter once")?;
        let windowed_bytes = self.windowed_bytes();
        if self.passes == Passes::Cached {
            line("KV cache", self.kv_bytes - windowed_bytes, &blocks)?;
        }
        if let Some(WindowedPool { num_blocks, window }) = self.windowed {
            let each = ByteCount(self.kv_bytes_per_windowed_block);
            line(
                "windows",
                windowed_bytes,
                &format!("{num_blocks} blocks, {each} each: layers that see {window} tokens"),
            )?;
        }
        line("scratch", self.scratch_bytes, "activations and logits of the largest step")?;
        line("total", total, &format!("of {} available", ByteCount(self.available_bytes)))?;
        line("left", self.available_bytes.saturating_sub(total), "for everything else on this machine")?;
        let context = match self.passes {
            Passes::Cached => "tokens of prompt and answer together",
            Passes::Whole => "tokens of a text",
        };
        write!(formatter, "{:<10}{:>11}  {context}", "context", self.max_model_len)?;
        if self.max_model_len < self.max_positions {
            write!(formatter, " (the model has {} positions)", self.max_positions)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
