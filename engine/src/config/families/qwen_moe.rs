//! Qwens with experts in every layer: those with some dense layers are refused.

use super::{Experts, Family, FieldNames, LLAMA, MODERN, Shared, Switch};
use crate::config::{AttentionBias, HeadNorm};
use crate::weight_name::{self, DecoderNames, LayerWeight};

const TENSORS: DecoderNames = DecoderNames {
    of_layer: &[(LayerWeight::Router, "mlp.gate")],
    experts: ("mlp.experts", ["gate_proj", "up_proj", "down_proj"]),
    ..weight_name::LLAMA
};

/// Qwen 1.5 and 2, with an expert that every token takes.
pub(super) const QWEN2_MOE: Family = Family {
    model_type: "qwen2_moe",
    causal_class: "Qwen2MoeForCausalLM",
    gguf_architecture: Some("qwen2moe"),
    gguf_pairs: false,
    names: &FieldNames { intermediate_size: "moe_intermediate_size", ..MODERN },
    tensors: &TENSORS,
    default_kv_heads: Some(16),
    attention_bias: Switch::Said("qkv_bias", AttentionBias::QueryKeyValue, true),
    experts: Some(Experts {
        count: (&["num_experts", "num_local_experts"], 60),
        per_token: ("num_experts_per_tok", 4),
        normed: Switch::Said("norm_topk_prob", true, false),
        gguf_normed: false,
        shared: Some(Shared::Gated("shared_expert_intermediate_size", 5632)),
        dense: None,
    }),
    fields: &[
        "intermediate_size",
        "layer_types",
        "max_window_layers",
        "norm_topk_prob",
        "num_experts",
        "num_experts_per_tok",
        "num_local_experts",
        "qkv_bias",
        "shared_expert_intermediate_size",
        "sliding_window",
    ],
    gguf_keys: &[
        "expert_count",
        "expert_feed_forward_length",
        "expert_shared_feed_forward_length",
        "expert_used_count",
    ],
    ..LLAMA
};

/// Qwen 3.
pub(super) const QWEN3_MOE: Family = Family {
    model_type: "qwen3_moe",
    causal_class: "Qwen3MoeForCausalLM",
    gguf_architecture: Some("qwen3moe"),
    default_kv_heads: Some(4),
    attention_bias: LLAMA.attention_bias,
    head_norms: Switch::Always(HeadNorm::Shared),
    experts: Some(Experts {
        count: (&["num_experts", "num_local_experts"], 128),
        per_token: ("num_experts_per_tok", 8),
        normed: Switch::Said("norm_topk_prob", true, false),
        gguf_normed: true,
        shared: None,
        dense: None,
    }),
    fields: &[
        "attention_bias",
        "intermediate_size",
        "layer_types",
        "max_window_layers",
        "norm_topk_prob",
        "num_experts",
        "num_experts_per_tok",
        "num_local_experts",
        "sliding_window",
    ],
    gguf_keys: &["expert_count", "expert_feed_forward_length", "expert_used_count"],
    ..QWEN2_MOE
};
