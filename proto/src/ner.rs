//! Names in texts: `POST /v1/ner`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Integer, ModelName, ReadingFields, Text, Texts, integer::U32_MAX, strict_object::strict_object, texts::narrowed,
    word::word,
};

strict_object! {
    /// A request for the names in texts.
    pub struct NerRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// The texts.
            input: Texts,
        }
        optional {
            /// How tokens become entities.
            aggregation: Aggregation,
            /// Texts that are longer than the model reads are read in pieces that have so many tokens in common.
            stride: Integer<0, U32_MAX>,
        }
        forms { narrowed }
    }
}

/// How tokens become entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum Aggregation {
    /// Each token with a label is told alone.
    None,
    /// Neighbours of one label are one entity, unless the second begins one.
    #[default]
    Simple,
    /// As `simple`, each word having the label of its first token.
    First,
    /// As `simple`, each word having the label that is likeliest in the mean over its tokens.
    Average,
    /// As `simple`, each word having the label of its surest token.
    Max,
}

word!(Aggregation);

/// The entities of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextEntities {
    /// The text's place.
    pub index: usize,
    /// In the order of the text.
    pub entities: Vec<Entity>,
}

/// A name in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// What it is the name of.
    pub label: String,
    /// How sure that is, from 0 to 1: the mean over its tokens or words.
    pub score: f32,
    /// As it stands in the text.
    pub text: Text,
    /// The character it begins with, counted from 0.
    pub start: usize,
    /// The character behind it.
    pub end: usize,
}
