//! The first DeepSeek-MoE: a Llama of which all layers but the first have experts. Its successors attend otherwise.

use super::{Experts, Family, FieldNames, LLAMA, MODERN, Shared, Switch};
use crate::weight_name::{self, DecoderNames, LayerWeight};

const TENSORS: DecoderNames = DecoderNames {
    of_layer: &[
        (LayerWeight::Router, "mlp.gate"),
        (LayerWeight::SharedGate, "mlp.shared_experts.gate_proj"),
        (LayerWeight::SharedUp, "mlp.shared_experts.up_proj"),
        (LayerWeight::SharedDown, "mlp.shared_experts.down_proj"),
    ],
    experts: ("mlp.experts", ["gate_proj", "up_proj", "down_proj"]),
    ..weight_name::LLAMA
};

/// DeepSeek-MoE 16B. Its GGUF files are not read: their words are split by a rule that is not known here.
pub(super) const DEEPSEEK: Family = Family {
    model_type: "deepseek",
    causal_class: "DeepseekForCausalLM",
    gguf_architecture: None,
    names: &FieldNames { intermediate_size: "moe_intermediate_size", ..MODERN },
    tensors: &TENSORS,
    experts: Some(Experts {
        count: (&["n_routed_experts"], 64),
        per_token: ("num_experts_per_tok", 6),
        normed: Switch::Said("norm_topk_prob", true, false),
        gguf_normed: false,
        shared: Some(Shared::Whole("n_shared_experts")),
        dense: Some(("first_k_dense_replace", "intermediate_size")),
    }),
    fields: &[
        "attention_bias",
        "aux_loss_alpha",
        "first_k_dense_replace",
        "intermediate_size",
        "n_routed_experts",
        "n_shared_experts",
        "norm_topk_prob",
        "num_experts_per_tok",
        "seq_aux",
    ],
    mlp_bias: Switch::Always(false),
    ..LLAMA
};
