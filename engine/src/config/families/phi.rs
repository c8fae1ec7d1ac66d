//! The Phis: the first ones add attention and MLP of one normed stream, the later ones are Llamas with matrices stored as one.

use super::{Family, Fused, LAYER_NORMED, LLAMA, Switch, Turned, WindowRule};
use crate::config::{Activation, AttentionBias, LayerOrder, NormKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// Phi 1, 1.5 and 2.
pub(super) const PHI: Family = Family {
    model_type: "phi",
    causal_class: "PhiForCausalLM",
    gguf_architecture: Some("phi2"),
    gguf_pairs: false,
    names: &LAYER_NORMED,
    tensors: &DecoderNames {
        norm: "model.final_layernorm",
        of_layer: &[
            (LayerWeight::AttentionOutput, "self_attn.dense"),
            (LayerWeight::Up, "mlp.fc1"),
            (LayerWeight::Down, "mlp.fc2"),
        ],
        ..weight_name::LLAMA
    },
    turned: Turned::Share("partial_rotary_factor", 0.5),
    norm: NormKind::Layer,
    order: Switch::Always(LayerOrder::BesideOneNorm),
    activations: &[("gelu_new", Activation::TanhGelu), ("gelu", Activation::Gelu)],
    gated_mlp: false,
    attention_bias: Switch::Always(AttentionBias::All),
    mlp_bias: Switch::Always(true),
    head_bias: true,
    fields: &[],
    ..LLAMA
};

/// Phi 3, 3.5 and 4.
pub(super) const PHI3: Family = Family {
    model_type: "phi3",
    causal_class: "Phi3ForCausalLM",
    gguf_architecture: Some("phi3"),
    gguf_pairs: false,
    long_rope: true,
    turned: Turned::Share("partial_rotary_factor", 1.0),
    window: WindowRule::Every(None),
    fused: Fused::Rows,
    fields: &["original_max_position_embeddings", "sliding_window"],
    gguf_keys: &["attention.sliding_window", "rope.scaling.attn_factor"],
    ..LLAMA
};
