//! GPT-J: attention and MLP of one normed stream, heads that turn in neighbouring pairs.

use super::gpt::NAMES;
use super::{Family, LLAMA, Switch, Turned};
use crate::config::{Activation, AttentionBias, LayerOrder, NormKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// GPT-J.
pub(super) const GPTJ: Family = Family {
    model_type: "gptj",
    causal_class: "GPTJForCausalLM",
    gguf_architecture: None,
    gguf_pairs: false,
    pairs: true,
    names: &NAMES,
    tensors: &DecoderNames {
        tokens: "transformer.wte",
        norm: "transformer.ln_f",
        layers: "transformer.h",
        of_layer: &[
            (LayerWeight::AttentionNorm, "ln_1"),
            (LayerWeight::Query, "attn.q_proj"),
            (LayerWeight::Key, "attn.k_proj"),
            (LayerWeight::Value, "attn.v_proj"),
            (LayerWeight::AttentionOutput, "attn.out_proj"),
            (LayerWeight::Up, "mlp.fc_in"),
            (LayerWeight::Down, "mlp.fc_out"),
        ],
        ..weight_name::LLAMA
    },
    turned: Turned::Elements("rotary_dim", 64),
    norm: NormKind::Layer,
    order: Switch::Always(LayerOrder::BesideOneNorm),
    activations: &[("gelu_new", Activation::TanhGelu), ("gelu", Activation::Gelu)],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    attention_bias: Switch::Always(AttentionBias::None),
    mlp_bias: Switch::Always(true),
    head_bias: true,
    body: Some("transformer."),
    fields: &[],
    ..LLAMA
};
