//! ERNIE 4.5: a Llama whose heads turn in neighbouring pairs, in folders too.

use super::{Family, LLAMA, Switch};
use crate::config::AttentionBias;

/// ERNIE 4.5, dense.
pub(super) const ERNIE: Family = Family {
    model_type: "ernie4_5",
    causal_class: "Ernie4_5ForCausalLM",
    gguf_architecture: Some("ernie4_5"),
    pairs: true,
    default_theta: Some(500_000.0),
    default_kv_heads: Some(2),
    default_head_dim: Some(128),
    default_tied: true,
    attention_bias: Switch::Said("use_bias", AttentionBias::All, false),
    mlp_bias: Switch::Said("use_bias", true, false),
    fields: &["use_bias"],
    ..LLAMA
};
