//! Configurations that would ask for other numbers than are computed: each is refused, and the field or tensor named.

use anyhow::{Context, Result};
use engine::Checkpoint;
use model_files::changed_folder::{all_changed, refusal};
use serde_json::{Value, json};

mod model_files;

/// A fixture's folder, a field, its value there, and a part of the line with which it is refused.
type Row = (&'static str, &'static str, Value, &'static str);

fn check(rows: impl IntoIterator<Item = Row>) -> Result<()> {
    for (folder, field, value, part) in rows {
        let error = refusal(folder, field, value)?;
        assert!(error.contains(part), "{folder} {field}: {error}");
    }
    Ok(())
}

#[test]
fn what_gpts_do_not_do_is_refused_by_name() -> Result<()> {
    check([
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), "true is not supported, only false"),
        ("gpt2", "activation_function", json!("relu"), "\\\"relu\\\" is not supported; supported: gelu_new"),
        ("gpt2", "architectures", json!(["GPT2ForTokenClassification"]), "supported: GPT2LMHeadModel"),
        ("gpt2", "n_head", json!(7), "'n_embd': 64 is no multiple of the 7 heads"),
        ("gpt2", "n_positions", json!(64), "tensor 'transformer.wpe.weight': shape [128, 64] is not [64, 64]"),
        ("gpt2", "n_inner", json!(128), "tensor 'transformer.h.0.mlp.c_fc.weight': shape [256, 64] is not [128, 64]"),
        ("gpt2", "n_layer", json!(3), "tensor 'transformer.h.2.attn.c_proj.weight': is missing"),
        ("gpt2", "rope_theta", json!(1e4), "'rope_theta': is not known"),
        ("gpt2", "hidden_act", json!("gelu_new"), "'hidden_act': is not known"),
        ("openai_gpt", "afn", json!("gelu_new"), "is not supported; supported: gelu"),
        ("gpt3_like", "layer_norm_epsilon", json!(null), "'layer_norm_epsilon': is missing"),
        (
            "gpt3_like",
            "attention_types",
            json!([[["global"], 1]]),
            "'attention_types': is not a list of kinds and counts",
        ),
        (
            "gpt3_like",
            "attention_types",
            json!([[["global", "local"], 1_u64 << 63]]),
            "'attention_types': is not a list",
        ),
        ("gpt3_like", "attention_types", json!([[["around", "local"], 1]]), "'attention_types': is not a list"),
        ("gpt3_like", "attention_layers", json!(["local", "global"]), "differs from what 'attention_types' says"),
        ("gpt3_like", "attention_layers", json!(["local"]), "'attention_layers': is not a list of global or local"),
        ("gpt3_like", "window_size", json!(0), "'window_size': 0 is not in 1..="),
    ])
}

#[test]
fn what_opt_did_once_is_refused_by_name() -> Result<()> {
    check([
        ("opt", "do_layer_norm_before", json!(false), "false is not supported, only true"),
        ("opt", "_remove_final_layer_norm", json!(true), "true is not supported, only false"),
        ("opt", "word_embed_proj_dim", json!(16), "'word_embed_proj_dim': 16 is not supported, only 32"),
        ("opt", "layer_norm_eps", json!(1e-5), "'layer_norm_eps': is not known"),
        ("opt", "max_position_embeddings", json!(66), "embed_positions.weight': shape [64, 32] is not [66, 32]"),
        ("opt", "activation_function", json!("silu"), "supported: relu, gelu"),
    ])
}

#[test]
fn other_falcons_are_refused_by_name() -> Result<()> {
    check([
        ("falcon", "alibi", json!(1), "'alibi': is not true or false"),
        ("falcon", "apply_residual_connection_post_layernorm", json!(true), "true is not supported, only false"),
        ("falcon", "multi_query", json!(false), "query_key_value.weight': shape [48, 32] does not have 96 rows"),
        ("falcon", "parallel_attn", json!(false), "transformer.h.0.post_attention_layernorm.weight': is missing"),
        ("falcon", "bias", json!(true), "transformer.h.0.self_attention.query_key_value.bias': is missing"),
        ("falcon_new", "num_ln_in_parallel_attn", json!(3), "'num_ln_in_parallel_attn': 3 is not in 1..=2"),
        ("falcon_new", "num_ln_in_parallel_attn", json!(1), "transformer.h.0.input_layernorm.weight': is missing"),
        ("falcon_new", "num_kv_heads", json!(3), "'num_kv_heads': 3 does not divide num_attention_heads 4"),
        ("falcon_new", "num_kv_heads", json!(4), "query_key_value.weight': shape [64, 32] does not have 96 rows"),
    ])
}

#[test]
fn other_slopes_are_refused_by_name() -> Result<()> {
    check([
        ("bloom", "n_embed", json!(40), "'n_embed': differs from what 'hidden_size' says"),
        ("bloom", "num_attention_heads", json!(3), "'num_attention_heads': differs from what 'n_head' says"),
        ("bloom", "alibi", json!(false), "'alibi': is not known"),
        ("bloom", "apply_residual_connection_post_layernorm", json!(true), "true is not supported, only false"),
        ("mpt", "attn_config", json!({"alibi": false}), "'attn_config.alibi': false is not supported, only true"),
        ("mpt", "attn_config", json!({"qk_ln": true}), "'attn_config.qk_ln': true is not supported, only false"),
        ("mpt", "attn_config", json!({"clip_qkv": 0}), "'attn_config.clip_qkv': 0 is not a finite number above 0"),
        ("mpt", "attn_config", json!({"alibi_bias_max": 0}), "'attn_config.alibi_bias_max': 0 is not in 1..=64"),
        ("mpt", "attn_config", json!({"attn_type": "multiquery_attention"}), "only \"multihead_attention\""),
        ("mpt", "attn_config", json!({"rope": true}), "'attn_config.rope': is not known"),
        ("mpt", "no_bias", json!(false), "'no_bias': false is not supported, only true"),
        ("mpt", "expansion_ratio", json!(3), "'expansion_ratio': 3 is not supported, only 4"),
        ("mpt", "logit_scale", json!(0.5), "'logit_scale': is not known"),
        ("mpt", "norm_type", json!("rmsnorm"), "is not supported, only \"layer_norm\""),
        ("mpt", "n_layers", json!(3), "tensor 'transformer.blocks.2.attn.Wqkv.weight': is missing"),
        ("llama2", "attn_config", json!({}), "'attn_config': is not known"),
    ])
}

#[test]
fn a_width_is_refused_by_the_name_that_the_file_has() -> Result<()> {
    for (absent, field) in [("n_embed", "hidden_size"), ("hidden_size", "n_embed")] {
        let changes = [(absent, None), ("n_head", None), ("num_attention_heads", Some(json!(7)))];
        let folder = all_changed("bloom", changes)?;
        let error = Checkpoint::open(folder.path()).err().context("it is refused")?.to_string();
        assert_eq!(error, format!("config.json: '{field}': 48 is no multiple of the 7 heads"));
    }
    Ok(())
}

#[test]
fn other_experts_are_refused_by_name() -> Result<()> {
    check([
        ("qwen2_moe", "mlp_only_layers", json!([1]), "'mlp_only_layers': [1] is not supported, only []"),
        ("qwen2_moe", "decoder_sparse_step", json!(2), "'decoder_sparse_step': 2 is not supported, only 1"),
        ("qwen2_moe", "use_sliding_window", json!(true), "true is not supported, only false"),
        (
            "qwen2_moe",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
            "sliding_attention is not supported",
        ),
        ("qwen2_moe", "num_local_experts", json!(3), "'num_local_experts': differs from what 'num_experts' says"),
        (
            "qwen2_moe",
            "shared_expert_intermediate_size",
            json!(24),
            "tensor 'model.layers.0.mlp.shared_expert.gate_proj.weight': shape [32, 32] is not [24, 32]",
        ),
        ("deepseek", "moe_layer_freq", json!(2), "'moe_layer_freq': 2 is not supported, only 1"),
        ("deepseek", "scoring_func", json!("sigmoid"), "\\\"sigmoid\\\" is not supported, only \"softmax\""),
        ("deepseek", "first_k_dense_replace", json!(3), "'first_k_dense_replace': 3 is not in 0..=2"),
        ("deepseek", "first_k_dense_replace", json!(0), "tensor 'model.layers.0.mlp.gate.weight': is missing"),
        (
            "deepseek",
            "n_shared_experts",
            json!(1),
            "tensor 'model.layers.1.mlp.shared_experts.gate_proj.weight': shape [32, 32] is not [16, 32]",
        ),
        ("deepseek", "intermediate_size", json!(null), "'intermediate_size': is missing"),
        ("qwen3_moe", "num_experts_per_tok", json!(6), "'num_experts_per_tok': 6 is not in 1..=5"),
        ("mixtral", "num_experts_per_tok", json!(5), "'num_experts_per_tok': 5 is not in 1..=4"),
        ("mixtral", "num_local_experts", json!(1), "'num_experts_per_tok': 2 is not in 1..=1"),
        (
            "mixtral",
            "num_local_experts",
            json!(5),
            "tensor 'model.layers.0.block_sparse_moe.gate.weight': shape [4, 64]",
        ),
        ("mixtral", "num_shared_experts", json!(1), "'num_shared_experts': is not known"),
    ])
}

#[test]
fn other_turns_and_norms_are_refused_by_name() -> Result<()> {
    check([
        ("gpt_neox", "rotary_emb_base", json!(0), "'rotary_emb_base': 0 is not a finite number above 0"),
        ("gpt_neox", "rotary_pct", json!(0.2), "'partial_rotary_factor': differs from what 'rotary_pct' says"),
        ("gpt_neox", "rope_theta", json!(1e4), "'rope_theta': differs from what 'rotary_emb_base' says"),
        ("gpt_neox", "hidden_act", json!("relu"), "supported: gelu, gelu_fast"),
        ("gpt_neox", "num_key_value_heads", json!(2), "query_key_value.weight': shape [96, 32] does not have 64 rows"),
        (
            "stablelm",
            "qk_layernorm",
            json!(true),
            "tensor 'model.layers.0.self_attn.q_layernorm.norms.0.weight': is missing",
        ),
        ("stablelm", "use_parallel_residual", json!("no"), "is not true or false"),
        ("phi3_long", "rope_scaling", json!({"type": "yarn"}), "supported: default, linear, llama3, longrope"),
        (
            "phi3_long",
            "rope_scaling",
            json!({"type": "su", "short_factor": [1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1]}),
            "'rope_scaling.long_factor': is not a list of 6 numbers above 0",
        ),
        (
            "phi3_long",
            "rope_scaling",
            json!({"type": "su", "short_factor": [1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1, -1]}),
            "'rope_scaling.long_factor': is not a list of 6 numbers above 0",
        ),
        (
            "phi3_long",
            "original_max_position_embeddings",
            json!(null),
            "'original_max_position_embeddings': is missing",
        ),
        ("gptj", "rotary_dim", json!(7), "'rotary_dim': 7 of 16 elements of a head cannot turn in pairs"),
        ("gptj", "rotary_dim", json!(18), "'rotary_dim': 18 of 16 elements of a head cannot turn in pairs"),
        ("gptj", "scale_attn_weights", json!(false), "false is not supported, only true"),
        ("smollm3", "no_rope_layers", json!([1, 0]), "'no_rope_layers': is not 4 times 0 or 1"),
        ("smollm3", "no_rope_layers", json!([1, 1, 2, 0]), "'no_rope_layers': is not 4 times 0 or 1"),
        ("smollm3", "no_rope_layers", json!(4), "'no_rope_layers': is not 4 times 0 or 1"),
        ("smollm3", "layer_types", json!(["full_attention"]), "'layer_types': is not 4 times full_attention or"),
        ("llama2", "no_rope_layers", json!([1, 0]), "'no_rope_layers': is not known"),
        ("phi", "qk_layernorm", json!(true), "'qk_layernorm': true is not supported, only false"),
        ("phi", "partial_rotary_factor", json!(0.1), "0 of 8 elements of a head cannot turn in pairs"),
        ("phi", "partial_rotary_factor", json!(1.5), "'partial_rotary_factor': 1.5 is not above 0 and at most 1"),
        (
            "phi",
            "rope_parameters",
            json!({"partial_rotary_factor": 0.25}),
            "'rope_parameters': differs from what 'partial_rotary_factor' says",
        ),
    ])
}
