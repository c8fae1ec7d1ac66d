//! GPT-1, GPT-2 and GPT-Neo: learned positions, norms by mean and variance, an MLP without a gate.

use super::{Family, FieldNames, Fused, LLAMA, Switch, WindowRule};
use crate::config::{Activation, AttentionBias, NormKind, StreamNorms};
use crate::weight_name::{self, DecoderNames, LayerWeight};

pub(super) const NAMES: FieldNames = FieldNames {
    hidden_size: "n_embd",
    num_layers: "n_layer",
    num_heads: "n_head",
    intermediate_size: "n_inner",
    max_positions: "n_positions",
    norm_eps: Some("layer_norm_epsilon"),
    kv_heads: "num_key_value_heads",
    theta: "rope_theta",
    activation: &["activation_function"],
    others: &[],
};

/// q, k and v are stored as `c_attn`; their parts have no names in files, and are called here as GPT-Neo's are.
const TENSORS: DecoderNames = DecoderNames {
    tokens: "transformer.wte",
    positions: "transformer.wpe",
    norm: "transformer.ln_f",
    layers: "transformer.h",
    of_layer: &[
        (LayerWeight::AttentionNorm, "ln_1"),
        (LayerWeight::Query, "attn.q_proj"),
        (LayerWeight::Key, "attn.k_proj"),
        (LayerWeight::Value, "attn.v_proj"),
        (LayerWeight::AttentionOutput, "attn.c_proj"),
        (LayerWeight::MlpNorm, "ln_2"),
        (LayerWeight::Up, "mlp.c_fc"),
        (LayerWeight::Down, "mlp.c_proj"),
    ],
    ..weight_name::LLAMA
};

/// GPT-2.
pub(super) const GPT2: Family = Family {
    model_type: "gpt2",
    causal_class: "GPT2LMHeadModel",
    gguf_architecture: Some("gpt2"),
    gguf_pairs: false,
    names: &NAMES,
    tensors: &TENSORS,
    default_theta: None,
    norm: NormKind::Layer,
    activations: &[("gelu_new", Activation::TanhGelu), ("gelu_pytorch_tanh", Activation::TanhGelu)],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    default_tied: true,
    attention_bias: Switch::Always(AttentionBias::All),
    mlp_bias: Switch::Always(true),
    fused: Fused::Columns,
    body: Some("transformer."),
    fields: &["scale_attn_weights"],
    ..LLAMA
};

/// GPT-1: the stream itself is normed, and its "gelu" is the one by the hyperbolic tangent.
pub(super) const GPT1: Family = Family {
    model_type: "openai-gpt",
    causal_class: "OpenAIGPTLMHeadModel",
    gguf_architecture: None,
    names: &FieldNames { activation: &["afn"], ..NAMES },
    tensors: &DecoderNames { tokens: "transformer.tokens_embed", positions: "transformer.positions_embed", ..TENSORS },
    stream_norms: StreamNorms::After,
    activations: &[("gelu", Activation::TanhGelu)],
    fields: &[],
    ..GPT2
};

/// GPT-Neo, the open counterpart of GPT-3: scores as they are, windows in every second layer as a rule.
pub(super) const GPT_NEO: Family = Family {
    model_type: "gpt_neo",
    causal_class: "GPTNeoForCausalLM",
    gguf_architecture: None,
    names: &FieldNames {
        hidden_size: "hidden_size",
        num_layers: "num_layers",
        num_heads: "num_heads",
        intermediate_size: "intermediate_size",
        max_positions: "max_position_embeddings",
        ..NAMES
    },
    tensors: &DecoderNames {
        of_layer: &[
            (LayerWeight::AttentionNorm, "ln_1"),
            (LayerWeight::Query, "attn.attention.q_proj"),
            (LayerWeight::Key, "attn.attention.k_proj"),
            (LayerWeight::Value, "attn.attention.v_proj"),
            (LayerWeight::AttentionOutput, "attn.attention.out_proj"),
            (LayerWeight::MlpNorm, "ln_2"),
            (LayerWeight::Up, "mlp.c_fc"),
            (LayerWeight::Down, "mlp.c_proj"),
        ],
        ..TENSORS
    },
    attention_bias: Switch::Always(AttentionBias::Output),
    scaled_scores: false,
    window: WindowRule::Local,
    fused: Fused::Nothing,
    fields: &["attention_layers", "attention_types", "window_size"],
    ..GPT2
};
