//! Families whose attention scores know the distances of tokens.

use super::bert::{BERT, SPELLING};
use super::{EncoderFamily, PositionKind, Spelling};
use crate::config::{Activation, Biases, LabelState, Squash};
use crate::encoder_weight::EncoderNaming;

const XLNET_SPELLING: Spelling = Spelling {
    hidden_size: "d_model",
    num_layers: "n_layer",
    num_heads: "n_head",
    intermediate_size: "d_inner",
    activation: "ff_activation",
    ..SPELLING
};

/// XLNet. Its own code gives the special tokens their ids whatever the vocabulary: `<cls>` is 3.
pub(super) const XLNET: EncoderFamily = EncoderFamily {
    model_type: "xlnet",
    class: "XLNet",
    body: "transformer.",
    gguf_architecture: None,
    naming: EncoderNaming::XlNet,
    spelling: &XLNET_SPELLING,
    positions: PositionKind::Relative { closing: 3 },
    default_types: None,
    biases: Biases::Mlps,
    label_state: LabelState::Last,
    // a text that is computed whole has no memory of another
    span_class: "ForQuestionAnsweringSimple",
    fields: &[
        "attn_type",
        "bi_data",
        "clamp_len",
        "d_head",
        "summary_activation",
        "summary_proj_to_labels",
        "summary_type",
        "summary_use_proj",
    ],
    harmless: &[
        "dropout",
        "end_n_top",
        "init",
        "init_range",
        "init_std",
        "mem_len",
        "reuse_len",
        "same_length",
        "start_n_top",
        "summary_last_dropout",
        "untie_r",
        "use_mems",
        "use_mems_eval",
        "use_mems_train",
    ],
    ..BERT
};

/// DeBERTa, versions 2 and 3.
pub(super) const DEBERTA: EncoderFamily = EncoderFamily {
    model_type: "deberta-v2",
    class: "DebertaV2",
    body: "deberta.",
    gguf_architecture: None,
    naming: EncoderNaming::Deberta,
    positions: PositionKind::Disentangled,
    default_types: Some(0),
    default_eps: 1e-7,
    squash: Squash::Smooth(Activation::Gelu),
    squash_field: Some("pooler_hidden_act"),
    fields: &[
        "attention_head_size",
        "conv_kernel_size",
        "embedding_size",
        "legacy",
        "max_relative_positions",
        "norm_rel_ebd",
        "pooler_hidden_size",
        "pos_att_type",
        "position_biased_input",
        "position_buckets",
        "relative_attention",
        "share_att_key",
    ],
    harmless: &[
        "attention_probs_dropout_prob",
        "cls_dropout",
        // of a convolution that another field turns on
        "conv_act",
        "conv_groups",
        "hidden_dropout_prob",
        "pooler_dropout",
    ],
    ..BERT
};
