//! The encoder families that can be loaded, a row of facts each: what files call them and what they leave unsaid.

mod bert;
mod relative;
mod rotary;

use scheduler::Token;
use serde_json::Value;

use super::json_fields::JsonFields;
use super::{Activation, Biases, LabelState, Squash, StreamNorms};
use crate::encoder_weight::EncoderNaming;
use crate::error::{LoadError, shown};
use bert::{BERT, DISTILBERT, MPNET, ROBERTA, XLM_ROBERTA};
use relative::{DEBERTA, XLNET};
use rotary::{MODERN_BERT, NOMIC, OLD_NOMIC};

/// What is the same in every model of a family.
#[derive(Debug, PartialEq)]
pub(crate) struct EncoderFamily {
    /// `model_type` in config.json.
    pub(crate) model_type: &'static str,
    /// What the names of its classes begin with.
    pub(crate) class: &'static str,
    /// What the names of tensors begin with where a head stands beside the encoder.
    pub(crate) body: &'static str,
    /// `general.architecture` in GGUF metadata, and the namespace of its keys, which several families may share; none where
    /// such files are not read.
    pub(crate) gguf_architecture: Option<&'static str>,
    /// How its tensors are called behind that.
    pub(crate) naming: EncoderNaming,
    /// How config.json spells sizes.
    pub(crate) spelling: &'static Spelling,
    /// How tokens are told where they stand.
    pub(crate) positions: PositionKind,
    /// Kinds of text where config.json does not say; none if there are no vectors for them.
    pub(crate) default_types: Option<usize>,
    /// Added to the variance in norms where config.json does not say.
    pub(crate) default_eps: f32,
    /// Where layers norm the residual stream.
    pub(crate) stream_norms: StreamNorms,
    /// What has biases.
    pub(crate) biases: Biases,
    /// Whether the MLP has a gate.
    pub(crate) gated_mlp: bool,
    /// The activation between the products of the MLP, or of its gate, where config.json does not say.
    pub(crate) default_activation: &'static str,
    /// Which state a head that gives labels to texts reads, where config.json does not say.
    pub(crate) label_state: LabelState,
    /// What stands between the two matrices of such a head, where config.json does not say.
    pub(crate) squash: Squash,
    /// What the field is called that says it.
    pub(crate) squash_field: Option<&'static str>,
    /// Heads over tokens have the first of these matrices too, and a norm stands behind the squash of every head.
    pub(crate) heads_alike: bool,
    /// How the name of its class goes on that finds answers by their ends alone.
    pub(crate) span_class: &'static str,
    /// Fields of config.json that this family reads beside those that all do.
    pub(crate) fields: &'static [&'static str],
    /// So with keys of GGUF metadata, without their namespace.
    pub(crate) gguf_keys: &'static [&'static str],
    /// Fields of which one value is computed.
    pub(crate) only: &'static [(&'static str, Only)],
    /// Fields that this family has beside those that all have, and that change no number.
    pub(crate) harmless: &'static [&'static str],
}

/// Names of fields in config.json.
#[derive(Debug, PartialEq)]
pub(crate) struct Spelling {
    pub(crate) hidden_size: &'static str,
    pub(crate) num_layers: &'static str,
    pub(crate) num_heads: &'static str,
    pub(crate) intermediate_size: &'static str,
    pub(crate) max_positions: &'static str,
    pub(crate) norm_eps: &'static str,
    pub(crate) activation: &'static str,
}

impl Spelling {
    /// Whether a field is one of them.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let sizes = [self.hidden_size, self.num_layers, self.num_heads, self.intermediate_size, self.max_positions];
        sizes.contains(&name) || [self.norm_eps, self.activation].contains(&name)
    }
}

/// How tokens of a family are told where they stand.
#[derive(Debug, PartialEq)]
pub(crate) enum PositionKind {
    /// By rows of a table, which may be counted from the pad token's id on.
    Table {
        /// This id where config.json gives none.
        default_pad: Option<u64>,
    },
    /// So, and by a number that scores get for each distance.
    Biased {
        /// The pad token's id.
        pad: u64,
    },
    /// By distances that attention scores know.
    Relative {
        /// This token closes texts.
        closing: Token,
    },
    /// By distances that attention scores are products with.
    Disentangled,
    /// By turns of queries and keys.
    Rotary {
        /// The field for the base of their frequencies, and the base where config.json gives none.
        theta: (&'static str, f32),
        /// The same for layers that see a window only, if there are such.
        local: Option<(&'static str, f32)>,
    },
}

/// The one value of a field that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    True,
    False,
    Number(u64),
}

impl From<Only> for Value {
    fn from(only: Only) -> Self {
        match only {
            Only::True => Self::Bool(true),
            Only::False => Self::Bool(false),
            Only::Number(number) => Self::from(number),
        }
    }
}

const FAMILIES: [&EncoderFamily; 10] =
    [&BERT, &ROBERTA, &XLM_ROBERTA, &DISTILBERT, &MPNET, &DEBERTA, &XLNET, &MODERN_BERT, &NOMIC, &OLD_NOMIC];

impl EncoderFamily {
    /// That of a config.json, if its model is one of these; a family that is spelled in two ways has a row for each.
    pub(crate) fn of(json: &JsonFields) -> Result<Option<&'static Self>, LoadError> {
        let model_type = json.text("model_type")?;
        let of_type = move || FAMILIES.into_iter().filter(move |family| Some(family.model_type) == model_type);
        let spelled = of_type().find(|family| json.names_field(family.spelling.hidden_size));
        Ok(spelled.or_else(|| of_type().next()))
    }

    /// That of a GGUF file. Of the families that say `bert`, DistilBERT alone has no vectors for kinds of text; the others
    /// do not differ in such files.
    pub(crate) fn of_gguf(architecture: &str, has_types: bool) -> Option<&'static Self> {
        let of_architecture =
            move || FAMILIES.into_iter().filter(move |family| family.gguf_architecture == Some(architecture));
        let alike = of_architecture().find(|family| family.default_types.is_some() == has_types);
        alike.or_else(|| of_architecture().next())
    }

    /// `general.architecture` of each.
    pub(crate) fn gguf_architectures() -> impl Iterator<Item = &'static str> {
        let mut names: Vec<_> = FAMILIES.into_iter().filter_map(|family| family.gguf_architecture).collect();
        names.dedup();
        names.into_iter()
    }

    /// The activation that its files call so.
    pub(crate) fn activation(&self, name: &str) -> Result<Activation, String> {
        match name {
            "swiglu" if self.gated_mlp => Ok(Activation::Silu),
            "geglu" if self.gated_mlp => Ok(Activation::Gelu),
            other => activation(other),
        }
    }

    /// `model_type` of each.
    pub(crate) fn model_types() -> impl Iterator<Item = &'static str> {
        let mut types: Vec<_> = FAMILIES.into_iter().map(|family| family.model_type).collect();
        types.dedup();
        types.into_iter()
    }
}

/// The activation that files of any family call so.
pub(crate) fn activation(name: &str) -> Result<Activation, String> {
    match name {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::TanhGelu),
        "silu" | "swish" => Ok(Activation::Silu),
        other => Err(format!("\"{}\" is not supported; supported: gelu, gelu_new, silu", shown(other))),
    }
}
