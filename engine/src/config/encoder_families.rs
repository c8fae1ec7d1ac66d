//! The encoder families that can be loaded, a row of facts each: what files call them and what they leave unsaid.

use scheduler::Token;

use super::json_fields::JsonFields;
use super::{LabelToken, Squash};
use crate::error::LoadError;
use crate::weight_name::Naming;

/// What is the same in every model of a family.
#[derive(Debug, PartialEq)]
pub(crate) struct EncoderFamily {
    /// `model_type` in config.json.
    pub(crate) model_type: &'static str,
    /// What the names of its classes begin with.
    pub(crate) class: &'static str,
    /// What the names of tensors begin with where a head stands beside the encoder.
    pub(crate) body: &'static str,
    /// How its tensors are called behind that.
    pub(crate) naming: Naming,
    /// Which token's state a head that gives labels to texts reads.
    pub(crate) label_token: LabelToken,
    /// What stands between the two matrices of such a head.
    pub(crate) squash: Squash,
    /// How config.json spells sizes.
    pub(crate) spelling: &'static Spelling,
    /// Kinds of text where config.json does not say; none if there are no vectors for them.
    pub(crate) default_types: Option<usize>,
    /// Positions are counted from the pad token's id on; this id where config.json gives none.
    pub(crate) default_pad: Option<u64>,
    /// Attention scores know distances, and there is no table of positions; this token closes texts.
    pub(crate) relative_closing: Option<Token>,
    /// How the name of its class goes on that finds answers by their ends alone.
    pub(crate) span_class: &'static str,
    /// Fields of config.json that this family has beside those that all have, and that change no number.
    pub(crate) harmless: &'static [&'static str],
}

/// Names of fields in config.json.
#[derive(Debug, PartialEq)]
pub(crate) struct Spelling {
    pub(crate) hidden_size: &'static str,
    pub(crate) num_layers: &'static str,
    pub(crate) num_heads: &'static str,
    pub(crate) intermediate_size: &'static str,
    pub(crate) activation: &'static str,
}

const BERT_SPELLING: Spelling = Spelling {
    hidden_size: "hidden_size",
    num_layers: "num_hidden_layers",
    num_heads: "num_attention_heads",
    intermediate_size: "intermediate_size",
    activation: "hidden_act",
};

const DISTILBERT_SPELLING: Spelling = Spelling {
    hidden_size: "dim",
    num_layers: "n_layers",
    num_heads: "n_heads",
    intermediate_size: "hidden_dim",
    activation: "activation",
};

const XLNET_SPELLING: Spelling = Spelling {
    hidden_size: "d_model",
    num_layers: "n_layer",
    num_heads: "n_head",
    intermediate_size: "d_inner",
    activation: "ff_activation",
};

/// BERT, and the many that share its layers, MiniLM and BGE among them.
const BERT: EncoderFamily = EncoderFamily {
    model_type: "bert",
    class: "Bert",
    body: "bert.",
    naming: Naming::Bert,
    label_token: LabelToken::First,
    squash: Squash::Tanh,
    spelling: &BERT_SPELLING,
    default_types: Some(2),
    default_pad: None,
    relative_closing: None,
    span_class: "ForQuestionAnswering",
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
const ROBERTA: EncoderFamily = EncoderFamily {
    model_type: "roberta",
    class: "Roberta",
    body: "roberta.",
    naming: Naming::Roberta,
    default_pad: Some(1),
    ..BERT
};

/// XLM-RoBERTa, E5 and BGE of many languages among them.
const XLM_ROBERTA: EncoderFamily = EncoderFamily { model_type: "xlm-roberta", class: "XLMRoberta", ..ROBERTA };

/// DistilBERT.
const DISTILBERT: EncoderFamily = EncoderFamily {
    model_type: "distilbert",
    class: "DistilBert",
    body: "distilbert.",
    naming: Naming::DistilBert,
    squash: Squash::Relu,
    spelling: &DISTILBERT_SPELLING,
    default_types: None,
    // a table of sines is stored like any other
    harmless: &["dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_"],
    ..BERT
};

/// XLNet. Its own code gives the special tokens their ids whatever the vocabulary: `<cls>` is 3.
const XLNET: EncoderFamily = EncoderFamily {
    model_type: "xlnet",
    class: "XLNet",
    body: "transformer.",
    naming: Naming::XlNet,
    label_token: LabelToken::Last,
    spelling: &XLNET_SPELLING,
    default_types: None,
    relative_closing: Some(3),
    // a text that is computed whole has no memory of another
    span_class: "ForQuestionAnsweringSimple",
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

const FAMILIES: [&EncoderFamily; 5] = [&BERT, &ROBERTA, &XLM_ROBERTA, &DISTILBERT, &XLNET];

impl EncoderFamily {
    /// That of a config.json, if its model is one of these.
    pub(crate) fn of(json: &JsonFields) -> Result<Option<&'static Self>, LoadError> {
        let model_type = json.text("model_type")?;
        Ok(FAMILIES.into_iter().find(|family| Some(family.model_type) == model_type))
    }

    /// `model_type` of each.
    pub(crate) fn model_types() -> impl Iterator<Item = &'static str> {
        FAMILIES.into_iter().map(|family| family.model_type)
    }
}
