//! Families whose queries and keys turn.

use super::bert::{BERT, SPELLING};
use super::{EncoderFamily, Only, PositionKind, Spelling};
use crate::config::{Activation, Biases, Squash, StreamNorms};
use crate::encoder_weight::EncoderNaming;

const MODERN_BERT_SPELLING: Spelling = Spelling { norm_eps: "norm_eps", activation: "hidden_activation", ..SPELLING };

/// ModernBERT.
pub(super) const MODERN_BERT: EncoderFamily = EncoderFamily {
    model_type: "modernbert",
    class: "ModernBert",
    body: "model.",
    naming: EncoderNaming::ModernBert,
    spelling: &MODERN_BERT_SPELLING,
    positions: PositionKind::Rotary {
        theta: ("global_rope_theta", 160_000.0),
        local: Some(("local_rope_theta", 10_000.0)),
    },
    default_types: None,
    default_eps: 1e-5,
    stream_norms: StreamNorms::Before,
    biases: Biases::Scores,
    gated_mlp: true,
    squash: Squash::Smooth(Activation::Gelu),
    squash_field: Some("classifier_activation"),
    heads_alike: true,
    fields: &[
        "classifier_pooling",
        "global_attn_every_n_layers",
        "global_rope_theta",
        "layer_types",
        "local_attention",
        "local_rope_theta",
        "rope_parameters",
    ],
    only: &[
        ("attention_bias", Only::False),
        ("classifier_bias", Only::False),
        ("decoder_bias", Only::True),
        ("mlp_bias", Only::False),
        ("norm_bias", Only::False),
    ],
    harmless: &[
        "cls_token_id",
        "deterministic_flash_attn",
        "embedding_dropout",
        "initializer_cutoff_factor",
        // norms have a field of another name
        "layer_norm_eps",
        "mlp_dropout",
        "reference_compile",
        "repad_logits_with_grad",
        "sparse_pred_ignore_index",
        "sparse_prediction",
    ],
    ..BERT
};
