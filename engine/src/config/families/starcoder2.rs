//! `StarCoder` 2: a Llama with norms by mean and variance, biases, and an MLP without a gate.

use super::{Family, FieldNames, LAYER_NORMED, LLAMA, Switch, WindowRule};
use crate::config::{Activation, AttentionBias, NormKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// `StarCoder` 2. Some fields of its files are those of its predecessor, and mean nothing.
pub(super) const STARCODER: Family = Family {
    model_type: "starcoder2",
    causal_class: "Starcoder2ForCausalLM",
    gguf_architecture: Some("starcoder2"),
    gguf_pairs: false,
    names: &FieldNames { norm_eps: Some("norm_epsilon"), ..LAYER_NORMED },
    tensors: &DecoderNames {
        of_layer: &[(LayerWeight::Up, "mlp.c_fc"), (LayerWeight::Down, "mlp.c_proj")],
        ..weight_name::LLAMA
    },
    default_kv_heads: Some(2),
    norm: NormKind::Layer,
    activations: &[("gelu_pytorch_tanh", Activation::TanhGelu), ("gelu_new", Activation::TanhGelu)],
    gated_mlp: false,
    default_tied: true,
    attention_bias: Switch::Said("use_bias", AttentionBias::All, true),
    mlp_bias: Switch::Said("use_bias", true, true),
    window: WindowRule::Every(None),
    fields: &[
        "activation_function",
        "attention_softmax_in_fp32",
        "embedding_dropout",
        "layer_norm_epsilon",
        "residual_dropout",
        "rms_norm_eps",
        "scale_attention_softmax_in_fp32",
        "sliding_window",
        "use_bias",
    ],
    gguf_keys: &["attention.sliding_window"],
    ..LLAMA
};
