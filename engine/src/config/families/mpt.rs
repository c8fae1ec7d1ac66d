//! MPT: scores that fall with distance, and no bias anywhere.

use super::{Family, FieldNames, Fused, LLAMA, MODERN, Switch};
use crate::config::{Activation, AttentionBias, NormKind, SlopeKind};
use crate::weight_name::{self, DecoderNames, LayerWeight};

/// q, k and v are stored as `Wqkv`; their parts have no names in files.
const TENSORS: DecoderNames = DecoderNames {
    tokens: "transformer.wte",
    norm: "transformer.norm_f",
    layers: "transformer.blocks",
    of_layer: &[
        (LayerWeight::AttentionNorm, "norm_1"),
        (LayerWeight::Query, "attn.query"),
        (LayerWeight::Key, "attn.key"),
        (LayerWeight::Value, "attn.value"),
        (LayerWeight::AttentionOutput, "attn.out_proj"),
        (LayerWeight::MlpNorm, "norm_2"),
        (LayerWeight::Up, "ffn.up_proj"),
        (LayerWeight::Down, "ffn.down_proj"),
    ],
    ..weight_name::LLAMA
};

/// MPT 7B and 30B, as transformers and as its makers write it. Beside what is read, its fields say how it was trained.
pub(super) const MPT: Family = Family {
    model_type: "mpt",
    causal_class: "MptForCausalLM",
    old_class: Some("MPTForCausalLM"),
    gguf_architecture: Some("mpt"),
    gguf_pairs: false,
    names: &FieldNames {
        hidden_size: "d_model",
        num_layers: "n_layers",
        num_heads: "n_heads",
        max_positions: "max_seq_len",
        norm_eps: Some("layer_norm_epsilon"),
        activation: &[],
        ..MODERN
    },
    tensors: &TENSORS,
    default_theta: None,
    slopes: Switch::Always(Some(SlopeKind::Exact)),
    norm: NormKind::UnbiasedLayer,
    default_eps: Some(1e-5),
    activations: &[("gelu", Activation::Gelu)],
    gated_mlp: false,
    default_mlp_ratio: Some(4),
    default_tied: true,
    attention_bias: Switch::Always(AttentionBias::None),
    mlp_bias: Switch::Always(false),
    fused: Fused::Stacked("attn.Wqkv"),
    body: Some("transformer."),
    fields: &[
        "attn_config",
        "emb_pdrop",
        "embedding_fraction",
        "init_config",
        "init_device",
        "learned_pos_emb",
        "tokenizer_name",
        "verbose",
    ],
    gguf_keys: &["attention.clamp_kqv", "attention.max_alibi_bias"],
    ..LLAMA
};
