//! OPT: learned positions, norms by mean and variance, the plainest activation.

use super::{Family, FieldNames, LAYER_NORMED, LLAMA, Switch};
use crate::config::{Activation, AttentionBias, NormKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// OPT, but for the one model whose norms stand behind and whose embeddings are narrower than its layers.
pub(super) const OPT: Family = Family {
    model_type: "opt",
    causal_class: "OPTForCausalLM",
    gguf_architecture: None,
    gguf_pairs: false,
    names: &FieldNames {
        intermediate_size: "ffn_dim",
        norm_eps: None,
        activation: &["activation_function"],
        ..LAYER_NORMED
    },
    tensors: &DecoderNames {
        tokens: "model.decoder.embed_tokens",
        positions: "model.decoder.embed_positions",
        norm: "model.decoder.final_layer_norm",
        layers: "model.decoder.layers",
        of_layer: &[
            (LayerWeight::AttentionNorm, "self_attn_layer_norm"),
            (LayerWeight::AttentionOutput, "self_attn.out_proj"),
            (LayerWeight::MlpNorm, "final_layer_norm"),
            (LayerWeight::Up, "fc1"),
            (LayerWeight::Down, "fc2"),
        ],
        ..weight_name::LLAMA
    },
    default_theta: None,
    skipped_positions: 2,
    norm: NormKind::Layer,
    activations: &[("relu", Activation::Relu), ("gelu", Activation::Gelu)],
    gated_mlp: false,
    default_tied: true,
    attention_bias: Switch::Said("enable_bias", AttentionBias::All, true),
    mlp_bias: Switch::Said("enable_bias", true, true),
    body: Some("model."),
    fields: &["enable_bias"],
    ..LLAMA
};
