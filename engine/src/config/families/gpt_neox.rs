//! GPT-NeoX, and Pythia: attention and MLP beside each other as a rule, heads of which a quarter turns.

use super::{Family, FieldNames, Fused, LAYER_NORMED, LLAMA, Switch, Turned};
use crate::config::{Activation, AttentionBias, LayerOrder, NormKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// q, k and v are stored as `query_key_value`; their parts have no names in files.
const TENSORS: DecoderNames = DecoderNames {
    tokens: "gpt_neox.embed_in",
    norm: "gpt_neox.final_layer_norm",
    head: "embed_out",
    layers: "gpt_neox.layers",
    of_layer: &[
        (LayerWeight::Query, "attention.query"),
        (LayerWeight::Key, "attention.key"),
        (LayerWeight::Value, "attention.value"),
        (LayerWeight::AttentionOutput, "attention.dense"),
        (LayerWeight::Up, "mlp.dense_h_to_4h"),
        (LayerWeight::Down, "mlp.dense_4h_to_h"),
    ],
    ..weight_name::LLAMA
};

/// GPT-NeoX. Its `gelu_fast` is the one by the hyperbolic tangent. GGUF files do not say which activation it is: they are
/// taken for Pythia's.
pub(super) const GPT_NEOX: Family = Family {
    model_type: "gpt_neox",
    causal_class: "GPTNeoXForCausalLM",
    gguf_architecture: Some("gptneox"),
    gguf_pairs: false,
    names: &FieldNames { theta: "rotary_emb_base", ..LAYER_NORMED },
    tensors: &TENSORS,
    turned: Turned::Share("rotary_pct", 0.25),
    norm: NormKind::Layer,
    order: Switch::Said("use_parallel_residual", LayerOrder::Beside, true),
    activations: &[
        ("gelu", Activation::Gelu),
        ("gelu_fast", Activation::TanhGelu),
        ("gelu_new", Activation::TanhGelu),
        ("gelu_pytorch_tanh", Activation::TanhGelu),
    ],
    gated_mlp: false,
    attention_bias: Switch::Said("attention_bias", AttentionBias::All, true),
    mlp_bias: Switch::Always(true),
    fused: Fused::Groups("attention.query_key_value"),
    body: Some("gpt_neox."),
    fields: &["attention_bias", "attention_probs_dropout_prob", "hidden_dropout_prob", "use_parallel_residual"],
    gguf_keys: &["use_parallel_residual"],
    ..LLAMA
};
