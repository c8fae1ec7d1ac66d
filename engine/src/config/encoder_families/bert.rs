//! BERT and its kin.

use super::{EncoderFamily, Only, PositionKind, Spelling};
use crate::config::distance_bias::BUCKETS;
use crate::config::{Biases, LabelState, Squash, StreamNorms};
use crate::encoder_weight::EncoderNaming;

pub(super) const SPELLING: Spelling = Spelling {
    hidden_size: "hidden_size",
    num_layers: "num_hidden_layers",
    num_heads: "num_attention_heads",
    intermediate_size: "intermediate_size",
    max_positions: "max_position_embeddings",
    norm_eps: "layer_norm_eps",
    activation: "hidden_act",
};

const DISTILBERT_SPELLING: Spelling = Spelling {
    hidden_size: "dim",
    num_layers: "n_layers",
    num_heads: "n_heads",
    intermediate_size: "hidden_dim",
    activation: "activation",
    ..SPELLING
};

/// BERT, and the many that share its layers, MiniLM and BGE among them.
pub(super) const BERT: EncoderFamily = EncoderFamily {
    model_type: "bert",
    class: "Bert",
    body: "bert.",
    gguf_architecture: Some("bert"),
    naming: EncoderNaming::Bert,
    spelling: &SPELLING,
    positions: PositionKind::Table { default_pad: None },
    default_types: Some(2),
    default_eps: 1e-12,
    stream_norms: StreamNorms::After,
    biases: Biases::All,
    gated_mlp: false,
    default_activation: "gelu",
    label_state: LabelState::First,
    squash: Squash::Tanh,
    squash_field: None,
    heads_alike: false,
    span_class: "ForQuestionAnswering",
    fields: &[],
    gguf_keys: &[],
    only: &[],
    harmless: &[
        "attention_probs_dropout_prob",
        "classifier_dropout",
        "directionality",
        "hidden_dropout_prob",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
    ],
};

/// RoBERTa.
pub(super) const ROBERTA: EncoderFamily = EncoderFamily {
    model_type: "roberta",
    class: "Roberta",
    body: "roberta.",
    naming: EncoderNaming::Roberta,
    positions: PositionKind::Table { default_pad: Some(1) },
    ..BERT
};

/// XLM-RoBERTa, E5 and BGE of many languages among them.
pub(super) const XLM_ROBERTA: EncoderFamily =
    EncoderFamily { model_type: "xlm-roberta", class: "XLMRoberta", ..ROBERTA };

/// DistilBERT.
pub(super) const DISTILBERT: EncoderFamily = EncoderFamily {
    model_type: "distilbert",
    class: "DistilBert",
    body: "distilbert.",
    naming: EncoderNaming::DistilBert,
    squash: Squash::Relu,
    spelling: &DISTILBERT_SPELLING,
    default_types: None,
    // a table of sines is stored like any other
    harmless: &["dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_"],
    ..BERT
};

/// MPNet. Its own code counts rows from token 1 on, whatever the pad token is.
pub(super) const MPNET: EncoderFamily = EncoderFamily {
    model_type: "mpnet",
    class: "MPNet",
    body: "mpnet.",
    gguf_architecture: None,
    naming: EncoderNaming::MpNet,
    positions: PositionKind::Biased { pad: 1 },
    default_types: None,
    only: &[("pad_token_id", Only::Number(1)), ("relative_attention_num_buckets", Only::Number(BUCKETS as u64))],
    ..BERT
};
