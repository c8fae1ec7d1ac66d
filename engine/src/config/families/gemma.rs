//! The Gemmas: facts of theirs alone, and their rows.

use super::{Family, LLAMA, Switch, WindowRule};
use crate::config::{Activation, HeadNorm};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// Weights of norms stored less one in safetensors, embeddings times the root of their width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gemma {
    /// The results of attention and MLP go through norms.
    pub(crate) output_norms: bool,
    /// Scores are divided by the root of `query_pre_attn_scalar`, which is this where the file does not say; by that of a
    /// head's width where there is none.
    pub(crate) score_width: Option<usize>,
    /// Caps of attention scores and of logits where files do not name them.
    pub(crate) caps: [Option<f32>; 2],
    /// Base of the rotary frequencies of layers that see a window, if it is another one.
    pub(crate) local_theta: Option<f32>,
    /// Window where GGUF metadata gives none.
    pub(crate) gguf_window: Option<usize>,
    /// Layers of the one model, if there is, whose scores are divided by the root of what the heads share out, not of a head's width:
    /// GGUF metadata does not say it.
    pub(crate) shared_out_layers: Option<usize>,
}

/// The usual name of the norm before the MLP is that of the norm of the attention's result.
const TENSORS: DecoderNames =
    DecoderNames { of_layer: &[(LayerWeight::MlpNorm, "pre_feedforward_layernorm")], ..weight_name::LLAMA };

/// Gemma 1. Its files say "gelu" and mean the one by the hyperbolic tangent.
pub(super) const GEMMA: Family = Family {
    model_type: "gemma",
    causal_class: "GemmaForCausalLM",
    gguf_architecture: Some("gemma"),
    gguf_pairs: false,
    default_kv_heads: Some(16),
    default_head_dim: Some(256),
    activations: &[("gelu_pytorch_tanh", Activation::TanhGelu), ("gelu", Activation::TanhGelu)],
    default_tied: true,
    gemma: Some(Gemma {
        output_norms: false,
        score_width: None,
        caps: [None; 2],
        local_theta: None,
        gguf_window: None,
        shared_out_layers: None,
    }),
    fields: &["attention_bias"],
    ..LLAMA
};

/// Gemma 2.
pub(super) const GEMMA2: Family = Family {
    model_type: "gemma2",
    causal_class: "Gemma2ForCausalLM",
    gguf_architecture: Some("gemma2"),
    tensors: &TENSORS,
    default_kv_heads: Some(4),
    activations: &[("gelu_pytorch_tanh", Activation::TanhGelu)],
    gemma: Some(Gemma {
        output_norms: true,
        score_width: Some(256),
        caps: [Some(50.0), Some(30.0)],
        local_theta: None,
        gguf_window: Some(4096),
        shared_out_layers: Some(46),
    }),
    window: WindowRule::AllBut { every: 2, window: 4096 },
    fields: &[
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "layer_types",
        "query_pre_attn_scalar",
        "sliding_window",
    ],
    gguf_keys: &[
        "attention.sliding_window",
        "attention.sliding_window_pattern",
        "attn_logit_softcapping",
        "final_logit_softcapping",
    ],
    ..GEMMA
};

/// Gemma 3, its text.
pub(super) const GEMMA3: Family = Family {
    model_type: "gemma3_text",
    causal_class: "Gemma3ForCausalLM",
    gguf_architecture: Some("gemma3"),
    default_theta: Some(1_000_000.0),
    head_norms: Switch::Always(HeadNorm::Shared),
    gemma: Some(Gemma {
        output_norms: true,
        score_width: Some(256),
        caps: [None; 2],
        local_theta: Some(10_000.0),
        gguf_window: None,
        shared_out_layers: Some(62),
    }),
    window: WindowRule::AllBut { every: 6, window: 4096 },
    fields: &[
        "_sliding_window_pattern",
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "layer_types",
        "query_pre_attn_scalar",
        "rope_local_base_freq",
        "sliding_window",
        "sliding_window_pattern",
    ],
    gguf_keys: &[
        "attention.sliding_window",
        "attention.sliding_window_pattern",
        "final_logit_softcapping",
        "rope.freq_base_swa",
    ],
    ..GEMMA2
};
