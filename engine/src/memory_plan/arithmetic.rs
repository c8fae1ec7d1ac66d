//! The bytes that weights, blocks and steps take.

use super::MemoryLimits;
use crate::config::{DecoderConfig, EncoderConfig, EncoderHead, ModelConfig, Positions, distance_bias};
use crate::input::MAX_ASKED;
use crate::kv_cache::{KvDtype, KvGeometry};
use crate::model::encoder::BLOCK_SIZE;
use crate::panels::PanelFormat;
use crate::weight_name::{WeightName, WeightShape};

const F32_BYTES: u64 = 4;
/// What an expert that a token takes adds to lists of both, in numbers.
const ROUTE_NUMBERS: usize = 8;

/// Every parameter once, each matrix as `held` says by its name and columns; a tied head reads the embedding's panels.
pub(super) fn weights_bytes(model: &ModelConfig, held: impl Fn(WeightName, usize) -> PanelFormat) -> u64 {
    let bytes = |(name, shape)| match shape {
        WeightShape::Matrix { rows, columns } => held(name, columns).bytes(rows, columns),
        WeightShape::Vector(len) => len as u64 * F32_BYTES,
    };
    model.weights().into_iter().map(bytes).sum()
}

/// Keys and values of one block in so many layers, as the cache lays them out.
pub(super) fn kv_bytes_per_block(config: &DecoderConfig, layers: usize, block_size: usize, dtype: KvDtype) -> u64 {
    let geometry =
        KvGeometry { layers, blocks: 1, block_size, kv_heads: config.num_kv_heads, head_dim: config.head_dim, dtype };
    geometry.block_bytes()
}

/// Activations of every token of the largest step, and every row of logits with a copy to change.
pub(super) fn scratch_bytes(config: &DecoderConfig, limits: &MemoryLimits) -> u64 {
    let (query, key) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
    // residual stream; queries and attended; keys and values; the MLP's product; the widest input of a matmul; angles, or
    // the rows of learned positions; with experts, the scores, which are taken, the rows of one expert, its results, and
    // their sum; of the one that every token takes, its gate, product and results
    let shared = config.experts.and_then(|experts| experts.shared).unwrap_or(0);
    let intermediate = config.intermediate_size.max(config.mlp_width());
    let widest = config.hidden_size.max(intermediate).max(query).max(shared);
    let kinds = 1 + usize::from(config.local_rope.is_some());
    let position = match &config.rope {
        Some(_) => kinds * config.head_dim,
        None if config.learns_positions() => config.hidden_size,
        None => 0,
    };
    let routed =
        config.experts.map_or(0, |experts| experts.count + ROUTE_NUMBERS * experts.per_token + 3 * config.hidden_size);
    let routed = routed + if shared > 0 { 1 + shared + config.hidden_size } else { 0 };
    let told = config.hidden_size;
    let of_token = config.hidden_size + told + 2 * query + 2 * key + intermediate + widest + position + routed;
    let numbers = limits.max_num_batched_tokens as u128 * of_token as u128
        + limits.max_logit_rows() as u128 * (2 * config.vocab_size + config.hidden_size) as u128;
    u64::try_from(numbers).unwrap_or(u64::MAX).saturating_mul(F32_BYTES)
}

/// Activations of every token of an encoder's largest step, which holds the longest text; what one layer's attention reads
/// beside them; and words told with a copy to send.
pub(super) fn encoder_scratch_bytes(
    config: &EncoderConfig,
    limits: &MemoryLimits,
    (longest, step_tokens): (usize, usize),
) -> u64 {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    // residual stream; queries, keys and values; attended; the MLP's product; a matmul's input
    let of_layers = hidden + 3 * hidden + hidden + wide + hidden.max(wide);
    // keys and values as they are kept; the last block of a sequence may not be full
    let kept = 2 * hidden * (step_tokens + BLOCK_SIZE * limits.max_num_seqs.min(step_tokens));
    let (angles, beside) = match &config.positions {
        Positions::Table(_) => (0, kept),
        Positions::Biased(_) => (0, kept + config.num_heads * distance_bias::COLUMNS),
        Positions::Rotary(rule) => (rule.kinds() * config.head_dim(), kept),
        // keys and queries of distances, of all layers, and the place of each
        Positions::Disentangled(rule) => (0, 2 * config.num_layers * rule.rows() * hidden + 2 * rule.max_tokens),
        // sines, keys of distances, a matmul's input
        Positions::Relative(rule) => (0, 3 * hidden * rule.distances(longest)),
    };
    // what heads over tokens read, if it is not the stream
    let read = if config.heads_alike && config.head.is_of_tokens() { hidden } else { 0 };
    let of_token = of_layers + angles + read;
    let places = if config.head == EncoderHead::Words { step_tokens.min(MAX_ASKED * limits.max_num_seqs) } else { 0 };
    let numbers =
        step_tokens as u128 * of_token as u128 + beside as u128 + 2 * (places * (config.vocab_size + hidden)) as u128;
    u64::try_from(numbers).unwrap_or(u64::MAX).saturating_mul(F32_BYTES)
}
