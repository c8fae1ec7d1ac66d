//! BLOOM: scores that fall with distance, a norm behind the embedding.

use super::{Family, FieldNames, Fused, LLAMA, MODERN, Switch};
use crate::config::{Activation, AttentionBias, NormKind, SlopeKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// q, k and v are stored as `query_key_value`; their parts have no names in files.
const TENSORS: DecoderNames = DecoderNames {
    tokens: "transformer.word_embeddings",
    embedding_norm: "transformer.word_embeddings_layernorm",
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

/// BLOOM and BLOOMZ. Their texts have no end but that of training; some of their fields are of the program that trained them.
pub(super) const BLOOM: Family = Family {
    model_type: "bloom",
    causal_class: "BloomForCausalLM",
    gguf_architecture: Some("bloom"),
    gguf_pairs: false,
    names: &FieldNames {
        num_layers: "n_layer",
        num_heads: "n_head",
        intermediate_size: "n_inner",
        max_positions: "seq_length",
        norm_eps: Some("layer_norm_epsilon"),
        activation: &[],
        others: &[("hidden_size", "n_embed"), ("n_layer", "num_hidden_layers"), ("n_head", "num_attention_heads")],
        ..MODERN
    },
    tensors: &TENSORS,
    default_max_positions: Some(2048),
    default_theta: None,
    slopes: Switch::Always(Some(SlopeKind::Exact)),
    norm: NormKind::Layer,
    default_eps: Some(1e-5),
    embedding_norm: true,
    activations: &[("gelu_new", Activation::TanhGelu)],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    default_tied: true,
    attention_bias: Switch::Always(AttentionBias::All),
    mlp_bias: Switch::Always(true),
    fused: Fused::Groups("self_attention.query_key_value"),
    body: Some("transformer."),
    fields: &[
        "attention_softmax_in_fp32",
        "bias_dropout_fusion",
        "masked_softmax_fusion",
        "offset_alibi",
        "skip_bias_add",
        "skip_bias_add_qkv",
        "slow_but_exact",
    ],
    ..LLAMA
};
