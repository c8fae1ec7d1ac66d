//! `StableLM`: a Llama whose norms are by mean and variance, with heads of which a quarter turns.

use super::{Family, LAYER_NORMED, LLAMA, Switch, Turned};
use crate::config::{AttentionBias, HeadNorm, LayerOrder, NormKind};

/// `StableLM` 3B and 2.
pub(super) const STABLELM: Family = Family {
    model_type: "stablelm",
    causal_class: "StableLmForCausalLM",
    gguf_architecture: Some("stablelm"),
    gguf_pairs: false,
    names: &LAYER_NORMED,
    turned: Turned::Share("partial_rotary_factor", 0.25),
    default_kv_heads: Some(32),
    norm: NormKind::Layer,
    order: Switch::Said("use_parallel_residual", LayerOrder::BesideOneNorm, false),
    attention_bias: Switch::Said("use_qkv_bias", AttentionBias::QueryKeyValue, false),
    mlp_bias: Switch::Always(false),
    head_norms: Switch::Said("qk_layernorm", HeadNorm::Each, false),
    fields: &["qk_layernorm", "use_parallel_residual", "use_qkv_bias"],
    gguf_keys: &["use_parallel_residual"],
    ..LLAMA
};
