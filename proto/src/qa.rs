//! Answers to questions out of texts: `POST /v1/qa`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    InputText, Integer, ModelName, ReadingFields, Text, Texts, integer::U32_MAX, strict_object::strict_object,
    texts::narrowed,
};

strict_object! {
    /// A question, and texts that may answer it.
    pub struct QaRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// What is asked.
            question: InputText,
            /// The texts.
            context: Texts,
        }
        optional {
            /// So many answers of each text, the best.
            top_k: Integer<1, 20>,
            /// Most tokens of an answer.
            max_answer_tokens: Integer<1, 512>,
            /// Texts that are longer than the model reads are read in pieces that have so many tokens in common.
            stride: Integer<0, U32_MAX>,
        }
        forms { narrowed }
    }
}

/// What a text answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextAnswers {
    /// The text's place.
    pub index: usize,
    /// The best first.
    pub answers: Vec<SpanAnswer>,
    /// How sure it is that the text does not answer, from 0 to 1.
    pub no_answer_score: f32,
}

/// A part of a text that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanAnswer {
    /// As it stands in the text.
    pub text: Text,
    /// How sure that is, from 0 to 1: that it begins there times that it ends there.
    pub score: f32,
    /// The character it begins with, counted from 0.
    pub start: usize,
    /// The character behind it.
    pub end: usize,
}
