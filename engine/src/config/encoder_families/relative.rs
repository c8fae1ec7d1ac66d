//! Families whose attention scores know the distances of tokens.

use super::bert::{BERT, SPELLING};
use super::{EncoderFamily, PositionKind, Spelling};
use crate::config::{Biases, LabelState};
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
