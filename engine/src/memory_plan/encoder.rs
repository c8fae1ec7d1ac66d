//! The memory of an encoder: weights, and the largest step. There is no pool.

use scheduler::Passes;

use super::{MemoryLimits, MemoryPlan, Needs, arithmetic, check_context};
use crate::config::EncoderConfig;
use crate::error::LoadError;

impl MemoryPlan {
    /// A step holds the longest text at least, because no text is cut.
    pub(super) fn of_encoder(
        config: &EncoderConfig,
        weights: u64,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<Self, LoadError> {
        check_context(config.max_tokens, limits)?;
        let (max_model_len, max_num_batched_tokens) = largest_step(config, limits);
        let scratch = arithmetic::encoder_scratch_bytes(config, limits, (max_model_len, max_num_batched_tokens));
        let needs =
            Needs { weights, quantised: None, scratch, per_block: 0, windowed: None, available: available_bytes };
        if weights.saturating_add(scratch) > available_bytes {
            return Err(needs.too_much(0, "a smaller model, less max-model-len or more memory"));
        }
        Ok(Self {
            weights_bytes: weights,
            kv_bytes: 0,
            kv_bytes_per_block: 0,
            passes: Passes::Whole,
            max_num_batched_tokens,
            num_blocks: 0,
            windowed: None,
            kv_bytes_per_windowed_block: 0,
            block_size: limits.block_size,
            scratch_bytes: scratch,
            available_bytes,
            max_model_len,
            max_positions: config.max_tokens,
            longest_text: max_model_len,
        })
    }
}

/// Tokens of the longest text, and of the largest step.
fn largest_step(config: &EncoderConfig, limits: &MemoryLimits) -> (usize, usize) {
    let longest = limits.max_model_len.unwrap_or(config.max_tokens);
    (longest, limits.max_num_batched_tokens.max(longest))
}

/// What its largest step takes.
pub(super) fn scratch_bytes(config: &EncoderConfig, limits: &MemoryLimits) -> u64 {
    arithmetic::encoder_scratch_bytes(config, limits, largest_step(config, limits))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{
        Activation, Biases, DisentangledRule, EncoderHead, LabelState, PositionRule, Positions, RelativeRule,
        RopeConfig, RopeScaling, RotaryRule, Squash, StreamNorms,
    };

    const MIB: u64 = 1 << 20;

    pub(in crate::memory_plan) fn config() -> EncoderConfig {
        EncoderConfig {
            architecture: "bert",
            vocab_size: 30_522,
            hidden_size: 384,
            num_layers: 6,
            num_heads: 12,
            intermediate_size: 1536,
            positions: Positions::Table(PositionRule { rows: 512, pad: None }),
            windows: vec![None; 6],
            num_types: 2,
            max_tokens: 512,
            norm_eps: 1e-12,
            stream_norms: StreamNorms::After,
            biases: Biases::All,
            activation: Activation::Gelu,
            gated_mlp: false,
            head: EncoderHead::Vector,
            label_state: LabelState::First,
            squash: Squash::Tanh,
            heads_alike: false,
        }
    }

    #[test]
    fn a_step_holds_the_longest_text_and_there_is_no_pool() {
        let plan = MemoryPlan::of_encoder(&config(), 90 * MIB, &MemoryLimits::default(), 1024 * MIB).unwrap();
        assert_eq!((plan.passes, plan.num_blocks, plan.kv_bytes), (Passes::Whole, 0, 0));
        assert_eq!((plan.max_model_len, plan.max_num_batched_tokens), (512, 512));
        assert_eq!(plan.scratch_bytes, 4 * (512 * (7 * 384 + 2 * 1536) + 64 * 16 * 2 * 384));
        assert!(!plan.to_string().contains("KV cache"), "{plan}");
        let short = MemoryLimits { max_model_len: Some(100), ..MemoryLimits::default() };
        let plan = MemoryPlan::of_encoder(&config(), 90 * MIB, &short, 1024 * MIB).unwrap();
        assert_eq!((plan.max_model_len, plan.max_num_batched_tokens), (100, 256));
    }

    #[test]
    fn distances_are_held_in_place_of_keys_and_values() {
        let scratch = |clamp| {
            let positions = Positions::Relative(RelativeRule { clamp, closing: 3 });
            let config = EncoderConfig { positions, ..config() };
            MemoryPlan::of_encoder(&config, 90 * MIB, &MemoryLimits::default(), 1024 * MIB).unwrap().scratch_bytes
        };
        let of_tokens = 512 * (5 * 384 + 2 * 1536);
        assert_eq!(scratch(None), 4 * (of_tokens + 1023 * 3 * 384));
        assert_eq!(scratch(Some(100)), 4 * (of_tokens + 201 * 3 * 384));
    }

    #[test]
    fn vectors_of_distances_are_held_for_all_layers() {
        let rule =
            DisentangledRule { span: 256, farthest: Some(512), has_norm: true, shares_matrices: true, max_tokens: 512 };
        let config = EncoderConfig { positions: Positions::Disentangled(rule), ..config() };
        let plan = MemoryPlan::of_encoder(&config, 90 * MIB, &MemoryLimits::default(), 1024 * MIB).unwrap();
        assert_eq!(plan.scratch_bytes, 4 * (512 * (5 * 384 + 2 * 1536) + 2 * 6 * 512 * 384 + 2 * 512));
    }

    #[test]
    fn angles_biases_and_what_heads_over_tokens_read_are_held_beside_keys_and_values() {
        let scratch = |config: &EncoderConfig| {
            MemoryPlan::of_encoder(config, 90 * MIB, &MemoryLimits::default(), 1024 * MIB).unwrap().scratch_bytes
        };
        let all = RopeConfig { theta: 10_000.0, scaling: RopeScaling::None };
        let rotary = |local| Positions::Rotary(RotaryRule { all: all.clone(), local, max_tokens: 512 });
        let plain = scratch(&config());
        assert_eq!(scratch(&EncoderConfig { positions: rotary(None), ..config() }), plain + 4 * 512 * 32);
        let two = EncoderConfig { positions: rotary(Some(all.clone())), ..config() };
        assert_eq!(scratch(&two), plain + 4 * 512 * 64);
        let biased = Positions::Biased(PositionRule { rows: 512, pad: None });
        let of_distances = 12 * (91 + 1 + 91);
        assert_eq!(scratch(&EncoderConfig { positions: biased, ..config() }), plain + 4 * of_distances);
        let alike = EncoderConfig { heads_alike: true, head: EncoderHead::Spans, ..two };
        assert_eq!(scratch(&alike), plain + 4 * 512 * (64 + 384));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refusal = |limits: &MemoryLimits, available| {
            MemoryPlan::of_encoder(&config(), 90 * MIB, limits, available).unwrap_err().to_string()
        };
        assert!(refusal(&MemoryLimits::default(), 91 * MIB).contains("use a smaller model"));
        let long = MemoryLimits { max_model_len: Some(513), ..MemoryLimits::default() };
        assert_eq!(refusal(&long, 1024 * MIB), "max-model-len 513 is not in 1..=512, the model's positions");
    }
}
