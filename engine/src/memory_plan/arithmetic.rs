//! The bytes that weights, blocks and steps take. Numbers are f32: 4 bytes each.

use super::MemoryLimits;
use crate::config::DecoderConfig;
use crate::kv_cache::KvGeometry;
use crate::weight_name::{WeightName, WeightShape};

const F32_BYTES: u64 = 4;

/// Matrices are packed into panels of this many output columns; the last panel is filled up.
const PANEL_COLUMNS: usize = 16;

/// Every parameter once; a tied head reads the embedding's panels.
pub(super) fn weights_bytes(config: &DecoderConfig) -> u64 {
    let numbers = |name: WeightName| match name.shape(config) {
        WeightShape::Matrix { rows, columns } => (rows.next_multiple_of(PANEL_COLUMNS) * columns) as u64,
        WeightShape::Vector(len) => len as u64,
    };
    WeightName::all(config).into_iter().map(numbers).sum::<u64>() * F32_BYTES
}

/// Keys and values of one block in all layers, as the cache lays them out.
pub(super) fn kv_bytes_per_block(config: &DecoderConfig, block_size: usize) -> u64 {
    let geometry = KvGeometry {
        layers: config.num_layers,
        blocks: 1,
        block_size,
        kv_heads: config.num_kv_heads,
        head_dim: config.head_dim,
    };
    geometry.block_bytes()
}

/// Activations of every token of the largest step, and for every row that samples its logits and a copy to sort.
pub(super) fn scratch_bytes(config: &DecoderConfig, limits: &MemoryLimits) -> u64 {
    let (query, key) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
    // residual, normed and projected; queries and attended; keys and values; gate and up; cosines and sines
    let of_token = 3 * config.hidden_size + 2 * query + 2 * key + 2 * config.intermediate_size + config.head_dim;
    let sampled_rows = limits.max_num_seqs.min(limits.max_num_batched_tokens);
    let numbers =
        limits.max_num_batched_tokens as u128 * of_token as u128 + 2 * sampled_rows as u128 * config.vocab_size as u128;
    u64::try_from(numbers).unwrap_or(u64::MAX).saturating_mul(F32_BYTES)
}
