//! Falcon: what it says in its own way, and its row.

use super::{Family, FieldNames, Fused, LLAMA, MODERN, Switch};
use crate::config::{Activation, AttentionBias, NormKind, SlopeKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// Two architectures under one name. In the older one all queries share a key as a rule, and attention and MLP read through
/// one norm as a rule; in the newer one groups do, each through its own.
#[derive(Debug, PartialEq)]
pub(crate) struct Falcon {
    /// What files with norms for each call their tensors.
    pub(crate) own_norms: &'static DecoderNames,
}

/// q, k and v are stored as `query_key_value`; their parts have no names in files.
const TENSORS: DecoderNames = DecoderNames {
    tokens: "transformer.word_embeddings",
    norm: "transformer.ln_f",
    layers: "transformer.h",
    of_layer: &[
        (LayerWeight::Query, "self_attention.query"),
        (LayerWeight::Key, "self_attention.key"),
        (LayerWeight::Value, "self_attention.value"),
        (LayerWeight::AttentionOutput, "self_attention.dense"),
        (LayerWeight::Up, "mlp.dense_h_to_4h"),
        (LayerWeight::Down, "mlp.dense_4h_to_h"),
    ],
    ..weight_name::LLAMA
};

const OWN_NORMS: DecoderNames = DecoderNames {
    of_layer: &[
        (LayerWeight::AttentionNorm, "ln_attn"),
        (LayerWeight::Query, "self_attention.query"),
        (LayerWeight::Key, "self_attention.key"),
        (LayerWeight::Value, "self_attention.value"),
        (LayerWeight::AttentionOutput, "self_attention.dense"),
        (LayerWeight::MlpNorm, "ln_mlp"),
        (LayerWeight::Up, "mlp.dense_h_to_4h"),
        (LayerWeight::Down, "mlp.dense_4h_to_h"),
    ],
    ..TENSORS
};

/// Falcon 7B, 40B, 180B and 2 11B, and the `RefinedWeb` models, whose scores fall with distance.
pub(super) const FALCON: Family = Family {
    model_type: "falcon",
    causal_class: "FalconForCausalLM",
    gguf_architecture: Some("falcon"),
    gguf_pairs: false,
    names: &FieldNames {
        intermediate_size: "ffn_hidden_size",
        norm_eps: Some("layer_norm_epsilon"),
        kv_heads: "num_kv_heads",
        activation: &["activation"],
        ..MODERN
    },
    tensors: &TENSORS,
    default_max_positions: Some(2048),
    slopes: Switch::Said("alibi", Some(SlopeKind::Rounded), false),
    norm: NormKind::Layer,
    activations: &[("gelu", Activation::Gelu), ("gelu_pytorch_tanh", Activation::TanhGelu)],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    default_tied: true,
    attention_bias: Switch::Said("bias", AttentionBias::All, false),
    mlp_bias: Switch::Said("bias", true, false),
    falcon: Some(Falcon { own_norms: &OWN_NORMS }),
    fused: Fused::Groups("self_attention.query_key_value"),
    body: Some("transformer."),
    fields: &[
        "alibi",
        "bias",
        "ff_factor",
        "multi_query",
        "new_decoder_architecture",
        "num_ln_in_parallel_attn",
        "parallel_attn",
    ],
    ..LLAMA
};
