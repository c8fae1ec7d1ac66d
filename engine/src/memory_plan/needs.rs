//! The fixed needs of a decoder, from which the size of its pool follows, and what is said where they are too many.

use scheduler::Limits;

use super::byte_count::ByteCount;
use super::sizes::{QUANTISED, Sizes};
use super::windowed::WindowedNeeds;
use super::{MemoryLimits, arithmetic};
use crate::config::DecoderConfig;
use crate::error::LoadError;

/// The fixed needs, from which the pool's size follows.
pub(super) struct Needs {
    pub(super) weights: u64,
    /// What the weights would take as [`QUANTISED`] files, if such are read.
    pub(super) quantised: Option<[u64; 2]>,
    pub(super) scratch: u64,
    pub(super) per_block: u64,
    pub(super) windowed: Option<WindowedNeeds>,
    pub(super) available: u64,
}

impl Needs {
    pub(super) fn of_decoder(config: &DecoderConfig, sizes: Sizes, limits: &MemoryLimits, available: u64) -> Self {
        let windowed = WindowedNeeds::new(config, sizes.kv_dtype, limits);
        let layers = config.num_layers - windowed.as_ref().map_or(0, |windowed| windowed.layers);
        Self {
            weights: sizes.weights,
            quantised: sizes.quantised,
            scratch: arithmetic::scratch_bytes(config, limits),
            per_block: arithmetic::kv_bytes_per_block(config, layers, limits.block_size, sizes.kv_dtype),
            windowed,
            available,
        }
    }

    /// Bytes of so many blocks, those of a second pool beside them included.
    pub(super) fn pool_bytes(&self, blocks: u64) -> u64 {
        let windowed = self.windowed.as_ref().map_or(0, |windowed| windowed.bytes_beside(blocks));
        blocks.saturating_mul(self.per_block).saturating_add(windowed)
    }

    /// Bytes of everything with so many blocks.
    pub(super) fn total_bytes(&self, blocks: u64) -> u64 {
        self.weights.saturating_add(self.pool_bytes(blocks)).saturating_add(self.scratch)
    }

    /// Bytes that one sequence holds at one time which has so many blocks of the pool.
    pub(super) fn bytes_held(&self, blocks: u64) -> u64 {
        let windowed = self.windowed.as_ref().map_or(0, |windowed| windowed.bytes_held(blocks));
        blocks.saturating_mul(self.per_block).saturating_add(windowed)
    }

    /// Most blocks that so many bytes hold, those of a second pool beside them included.
    fn blocks_within(&self, bytes: u64) -> u64 {
        let (mut fit, mut too_many) = (0, (bytes / self.per_block).saturating_add(1));
        while fit + 1 < too_many {
            let blocks = fit + (too_many - fit) / 2;
            if self.pool_bytes(blocks) <= bytes {
                fit = blocks;
            } else {
                too_many = blocks;
            }
        }
        fit
    }

    /// Blocks that were asked for, by number or by bytes.
    pub(super) fn wanted_blocks(&self, limits: &MemoryLimits) -> Option<u64> {
        match (limits.num_kv_blocks, limits.kv_cache_memory_bytes) {
            (Some(blocks), _) => Some(blocks as u64),
            (None, Some(bytes)) => Some(self.blocks_within(bytes)),
            (None, None) => None,
        }
    }

    /// Blocks that all memory beside weights and steps holds.
    pub(super) fn blocks_left(&self) -> u64 {
        self.blocks_within(self.available.saturating_sub(self.weights.saturating_add(self.scratch)))
    }

    pub(super) fn num_blocks(&self, config: &DecoderConfig, limits: &MemoryLimits) -> Result<u64, LoadError> {
        let left = self.blocks_left();
        if left == 0 {
            return Err(self.too_much(1, &self.lighter()));
        }
        let Some(wanted) = self.wanted_blocks(limits) else {
            return Ok(self.default_blocks(config, limits).min(left));
        };
        match wanted {
            0 => {
                let one = ByteCount(self.pool_bytes(1));
                Err(LoadError::Memory(format!("a KV cache needs one block of {one} at least")))
            }
            _ if wanted > left => Err(self.too_much(wanted, &format!("num-kv-blocks {left} at most"))),
            _ => Ok(wanted),
        }
    }

    /// A quarter of the memory, and never more than all sequences could fill.
    fn default_blocks(&self, config: &DecoderConfig, limits: &MemoryLimits) -> u64 {
        let context = limits.max_model_len.unwrap_or(config.max_positions);
        let full_contexts = context.div_ceil(limits.block_size) as u64 * limits.max_num_seqs as u64;
        self.blocks_within(self.available / 4).clamp(1, full_contexts)
    }

    /// What one sequence may reach: the wanted length, or as much of the model's as the pool holds; all of it where the pool
    /// holds a window that every layer has.
    pub(super) fn max_model_len(
        &self,
        config: &DecoderConfig,
        limits: &MemoryLimits,
        blocks: u64,
    ) -> Result<usize, LoadError> {
        let context = limits.max_model_len.unwrap_or(config.max_positions);
        let needed = held_blocks(config, limits, context);
        if needed <= blocks {
            return Ok(context);
        }
        let held = blocks as usize * limits.block_size;
        match limits.max_model_len {
            Some(_) => {
                let left = self.blocks_left();
                let advice = if needed <= left {
                    format!("max-model-len {held} or a pool of {needed} blocks")
                } else {
                    let most = left as usize * limits.block_size;
                    format!("max-model-len {held}, or {most} with num-kv-blocks {left}")
                };
                Err(self.too_much(needed, &advice))
            }
            None => Ok(held),
        }
    }

    /// What is advised where not even the weights fit: the same model in a file that does, the least quantised first.
    fn lighter(&self) -> String {
        let sizes = self.quantised.into_iter().flatten();
        let fits = |bytes: u64| bytes.saturating_add(self.scratch).saturating_add(self.pool_bytes(1)) <= self.available;
        match QUANTISED.iter().zip(sizes).find(|&(_, bytes)| fits(bytes)) {
            Some((kind, bytes)) => {
                format!("a GGUF file of it as {} (weights {}) or more memory", kind.name(), ByteCount(bytes))
            }
            None => "a smaller model or more memory".to_owned(),
        }
    }

    pub(super) fn too_much(&self, blocks: u64, advice: &str) -> LoadError {
        let total = self.total_bytes(blocks);
        LoadError::Memory(format!(
            "needs {}: weights {} + KV {} ({blocks} blocks) + scratch {}; have {}{}; use {advice}",
            ByteCount(total),
            ByteCount(self.weights),
            ByteCount(self.pool_bytes(blocks)),
            ByteCount(self.scratch),
            ByteCount(self.available),
            lack(total, self.available),
        ))
    }
}

/// Says how much is missing, if anything is.
pub(super) fn lack(total: u64, available: u64) -> String {
    match total.checked_sub(available) {
        None | Some(0) => String::new(),
        Some(missing) => format!(", {} too little", ByteCount(missing)),
    }
}

/// Blocks that a sequence of so many positions holds at one time.
pub(super) fn held_blocks(config: &DecoderConfig, limits: &MemoryLimits, positions: usize) -> u64 {
    let whole = positions.div_ceil(limits.block_size);
    let step = limits.max_num_batched_tokens;
    let moving = config.window().map(|window| Limits::window_blocks(window, step, limits.block_size));
    moving.map_or(whole, |moving| moving.min(whole)) as u64
}
