//! Plans for machines of a given size, checked against sums done by hand.

use super::*;
use crate::config::{
    Activation, AttentionBias, DenseLayers, ExpertsConfig, HeadNorm, LayerOrder, NormConfig, NormKind, RopeConfig,
    RopeScaling, SlopeKind, SlopeRule, StreamNorms,
};
use crate::kv_cache::KvDtype;

const GIB: u64 = 1 << 30;
/// Of the small model, as f32.
pub(super) const WEIGHTS: u64 = 134_515_008 * 4;
pub(super) const SIZES: Sizes = Sizes { weights: WEIGHTS, quantised: None, kv_dtype: KvDtype::F32 };

/// The shape of a real model with 135 million parameters.
pub(super) fn small() -> DecoderConfig {
    DecoderConfig {
        architecture: "llama".to_owned(),
        vocab_size: 49_152,
        hidden_size: 576,
        num_layers: 30,
        num_heads: 9,
        num_kv_heads: 3,
        head_dim: 64,
        intermediate_size: 1536,
        max_positions: 8192,
        norms: NormConfig {
            kind: NormKind::RootMeanSquare,
            stream: StreamNorms::Before,
            eps: 1e-5,
            less_one: false,
            of_heads: HeadNorm::None,
            of_outputs: false,
            of_embedding: false,
        },
        rope: Some(RopeConfig { theta: 100_000.0, scaling: RopeScaling::None }),
        slopes: None,
        turned_dim: 64,
        order: LayerOrder::InTurn,
        tied_embeddings: true,
        attention_bias: AttentionBias::None,
        mlp_bias: false,
        head_bias: false,
        local_rope: None,
        activation: Activation::Silu,
        gated_mlp: true,
        experts: None,
        attention_clip: None,
        attention_scale: 0.125,
        attention_softcap: None,
        logit_softcap: None,
        embedding_scale: 1.0,
        turns: vec![true; 30],
        windows: vec![None; 30],
    }
}

fn refusal(limits: &MemoryLimits, available: u64) -> String {
    MemoryPlan::with_available(&small(), SIZES, limits, available).unwrap_err().to_string()
}

#[test]
fn a_quarter_of_the_memory_is_cache() {
    let plan = MemoryPlan::with_available(&small(), SIZES, &MemoryLimits::default(), 8 * GIB).unwrap();
    assert_eq!(plan.weights_bytes, WEIGHTS);
    assert_eq!(plan.kv_bytes_per_block, 46_080 * 16);
    assert_eq!(plan.num_blocks as u64, 2 * GIB / plan.kv_bytes_per_block);
    assert_eq!(plan.kv_bytes, plan.num_blocks as u64 * plan.kv_bytes_per_block);
    assert_eq!(plan.max_model_len, 8192);
}

#[test]
fn the_pool_never_exceeds_what_all_sequences_can_fill() {
    let few = MemoryLimits { max_num_seqs: 2, max_model_len: Some(1000), ..MemoryLimits::default() };
    let plan = MemoryPlan::with_available(&small(), SIZES, &few, 1024 * GIB).unwrap();
    assert_eq!(plan.num_blocks, 2 * 63);
    assert_eq!(plan.max_model_len, 1000);
}

#[test]
fn an_exact_pool_is_exact_and_wins_over_bytes() {
    let exact = MemoryLimits { num_kv_blocks: Some(10), kv_cache_memory_bytes: Some(GIB), ..MemoryLimits::default() };
    let plan = MemoryPlan::with_available(&small(), SIZES, &exact, 8 * GIB).unwrap();
    assert_eq!((plan.num_blocks, plan.max_model_len), (10, 160));
    let bytes = MemoryLimits { kv_cache_memory_bytes: Some(GIB), ..MemoryLimits::default() };
    let plan = MemoryPlan::with_available(&small(), SIZES, &bytes, 8 * GIB).unwrap();
    assert_eq!(plan.num_blocks as u64, GIB / plan.kv_bytes_per_block);
}

#[test]
fn the_default_context_is_lowered_to_the_pool_and_said() {
    let plan = MemoryPlan::with_available(&small(), SIZES, &MemoryLimits::default(), GIB).unwrap();
    assert_eq!(plan.max_model_len, plan.num_blocks * 16);
    assert!(plan.to_string().contains("(the model has 8192 positions)"), "{plan}");
    assert!(
        !MemoryPlan::with_available(&small(), SIZES, &MemoryLimits::default(), 8 * GIB)
            .unwrap()
            .to_string()
            .contains("positions")
    );
}

#[test]
fn a_context_that_the_pool_cannot_hold_is_refused_with_the_sum() {
    let wanted = MemoryLimits { num_kv_blocks: Some(10), max_model_len: Some(161), ..MemoryLimits::default() };
    let reason = refusal(&wanted, 8 * GIB);
    assert!(reason.contains("KV 7.73 MiB (11 blocks)"), "{reason}");
    assert!(reason.ends_with("have 8.00 GiB; use max-model-len 160 or a pool of 11 blocks"), "{reason}");
    assert_eq!(
        refusal(&MemoryLimits { max_model_len: Some(8193), ..MemoryLimits::default() }, 8 * GIB),
        "max-model-len 8193 is not in 1..=8192, the model's positions"
    );
}

#[test]
fn a_window_in_every_layer_leaves_the_whole_context_to_a_pool_that_holds_it() {
    let windowed = |window| DecoderConfig { windows: vec![window; 30], ..small() };
    let pool =
        |blocks| MemoryLimits { num_kv_blocks: Some(blocks), max_num_batched_tokens: 48, ..MemoryLimits::default() };
    let reach = |config: &DecoderConfig, limits: &MemoryLimits| {
        MemoryPlan::with_available(config, SIZES, limits, 8 * GIB).unwrap().max_model_len
    };
    // 256 positions and 48 tokens less one take 19 blocks of 16, and one more where they begin inside of one.
    assert_eq!(reach(&windowed(Some(256)), &pool(20)), 8192);
    assert_eq!(reach(&windowed(Some(256)), &pool(19)), 19 * 16);
    assert_eq!(reach(&windowed(Some(256)), &MemoryLimits { max_model_len: Some(1000), ..pool(20) }), 1000);
    let mut mixed = windowed(Some(256));
    mixed.windows[7] = None;
    assert_eq!(reach(&mixed, &pool(20)), 20 * 16, "one layer that sees all holds all");
}

#[test]
fn what_does_not_fit_is_refused_with_the_sum() {
    let reason = refusal(&MemoryLimits::default(), GIB / 4);
    assert!(reason.contains("weights 513.13 MiB + KV 720.00 KiB (1 blocks) + scratch"), "{reason}");
    let pool = MemoryLimits { num_kv_blocks: Some(usize::MAX), ..MemoryLimits::default() };
    assert!(refusal(&pool, 8 * GIB).contains("use num-kv-blocks "));
    assert!(refusal(&MemoryLimits { num_kv_blocks: Some(0), ..MemoryLimits::default() }, GIB).contains("one block"));
    assert!(
        refusal(&MemoryLimits { kv_cache_memory_bytes: Some(5), ..MemoryLimits::default() }, GIB).contains("one block")
    );
}

#[test]
fn scratch_grows_with_the_step_and_the_vocabulary() {
    let plan =
        |limits: &MemoryLimits| MemoryPlan::with_available(&small(), SIZES, limits, 64 * GIB).unwrap().scratch_bytes;
    let of_token = (2 * 576 + 2 * 576 + 2 * 192 + 2 * 1536 + 64) as u64;
    let of_sampled_row = 2 * 49_152 + 576;
    assert_eq!(plan(&MemoryLimits::default()), (256 * of_token + 80 * of_sampled_row) * 4);
    let one = MemoryLimits { max_num_batched_tokens: 1, ..MemoryLimits::default() };
    assert_eq!(plan(&one), (of_token + of_sampled_row) * 4);
    let learned = DecoderConfig { rope: None, ..small() };
    let plan = MemoryPlan::with_available(&learned, SIZES, &one, 64 * GIB).unwrap();
    assert_eq!(plan.scratch_bytes, (of_token + 576 - 64 + of_sampled_row) * 4);
    let slopes = Some(SlopeRule { kind: SlopeKind::Exact, halvings: 8 });
    let plan = MemoryPlan::with_available(&DecoderConfig { slopes, ..learned }, SIZES, &one, 64 * GIB).unwrap();
    assert_eq!(plan.scratch_bytes, (of_token - 64 + of_sampled_row) * 4);
    let experts = ExpertsConfig { count: 8, per_token: 2, normed: true, shared: None, shared_gate: false, dense: None };
    let routed = DecoderConfig { experts: Some(experts), ..small() };
    let plan = MemoryPlan::with_available(&routed, SIZES, &one, 64 * GIB).unwrap();
    assert_eq!(plan.scratch_bytes, (of_token + 3 * 576 + 8 + 8 * 2 + of_sampled_row) * 4);
    let experts = ExpertsConfig { shared: Some(2000), shared_gate: true, ..experts };
    let shared = DecoderConfig { experts: Some(experts), ..small() };
    let plan = MemoryPlan::with_available(&shared, SIZES, &one, 64 * GIB).unwrap();
    let beside = 1 + 2000 + 576 + (2000 - 1536);
    assert_eq!(plan.scratch_bytes, (of_token + 3 * 576 + 8 + 8 * 2 + beside + of_sampled_row) * 4);
    let dense = Some(DenseLayers { count: 1, width: 3000 });
    let mixed = DecoderConfig { experts: Some(ExpertsConfig { dense, ..experts }), ..small() };
    let plan = MemoryPlan::with_available(&mixed, SIZES, &one, 64 * GIB).unwrap();
    let beside = 1 + 2000 + 576 + 2 * (3000 - 1536);
    assert_eq!(plan.scratch_bytes, (of_token + 3 * 576 + 8 + 8 * 2 + beside + of_sampled_row) * 4);
}
