//! GPT-1, GPT-2 and GPT-Neo: learned positions, norms by mean and variance, an MLP without a gate.

use super::{Family, FieldNames, LLAMA, WindowRule};
use crate::config::{Activation, AttentionBias, NormKind, StreamNorms};
use crate::weight_name::Naming;

const NAMES: FieldNames = FieldNames {
    hidden_size: "n_embd",
    num_layers: "n_layer",
    num_heads: "n_head",
    intermediate_size: "n_inner",
    max_positions: "n_positions",
    norm_eps: "layer_norm_epsilon",
    activation: &["activation_function"],
};

/// GPT-2.
pub(super) const GPT2: Family = Family {
    model_type: "gpt2",
    causal_class: "GPT2LMHeadModel",
    gguf_architecture: None,
    gguf_pairs: false,
    names: &NAMES,
    naming: Naming::Gpt2,
    default_theta: None,
    norm: NormKind::Layer,
    activation: Activation::TanhGelu,
    activations: &["gelu_new", "gelu_pytorch_tanh"],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    default_tied: true,
    attention_bias: AttentionBias::All,
    mlp_bias: true,
    fields: &["scale_attn_weights"],
    ..LLAMA
};

/// GPT-1: the stream itself is normed, and its "gelu" is the one by the hyperbolic tangent.
pub(super) const GPT1: Family = Family {
    model_type: "openai-gpt",
    causal_class: "OpenAIGPTLMHeadModel",
    names: &FieldNames { activation: &["afn"], ..NAMES },
    naming: Naming::Gpt1,
    stream_norms: StreamNorms::After,
    activations: &["gelu"],
    fields: &[],
    ..GPT2
};

/// GPT-Neo, the open counterpart of GPT-3: scores as they are, windows in every second layer as a rule.
pub(super) const GPT_NEO: Family = Family {
    model_type: "gpt_neo",
    causal_class: "GPTNeoForCausalLM",
    names: &FieldNames {
        hidden_size: "hidden_size",
        num_layers: "num_layers",
        num_heads: "num_heads",
        intermediate_size: "intermediate_size",
        max_positions: "max_position_embeddings",
        ..NAMES
    },
    naming: Naming::GptNeo,
    attention_bias: AttentionBias::Output,
    scaled_scores: false,
    window: WindowRule::Local,
    fields: &["attention_layers", "attention_types", "window_size"],
    ..GPT2
};
