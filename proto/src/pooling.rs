//! What a model makes of texts, whatever that is: `POST /pooling`, in vLLM's form.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    EmbeddingInput, EncodingFormat, Messages, ModelName, ObjectName, ReadingFields, embeddings::of_input_or_messages,
    strict_object::strict_object, word::word,
};

strict_object! {
    /// A request for the vectors or the labels of texts or of a chat, one of the two, or of each of their tokens.
    pub struct PoolingRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
        }
        optional {
            /// The texts.
            input: EmbeddingInput,
            /// A chat.
            messages: Messages,
            /// What is made of them; the model's own task where it is absent.
            task: PoolingTask,
            /// How numbers are written.
            encoding_format: EncodingFormat,
        }
        forms { of_input_or_messages }
    }
}

/// What is made of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum PoolingTask {
    /// Its vector.
    Embed,
    /// The probabilities of labels.
    Classify,
    /// The vector of each token.
    TokenEmbed,
    /// The probabilities of labels of each token.
    TokenClassify,
}

word!(PoolingTask);

/// What was made of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pooled {
    /// Its input's place.
    pub index: usize,
    /// `pooling`
    pub object: ObjectName,
    /// Its vector, or the probability of each label; or those of each token.
    pub data: PooledNumbers,
}

/// What was made of a text. The numbers tell nearly as much as the text: Debug shows none of them.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PooledNumbers {
    /// Of the text as a whole.
    Text(Vec<f32>),
    /// Of each token, those around the text included.
    Tokens(Vec<Vec<f32>>),
    /// As base64 of little-endian `f32`; those of tokens stand one behind another.
    Base64(String),
}

impl fmt::Debug for PooledNumbers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(numbers) => write!(formatter, "Text({} numbers)", numbers.len()),
            Self::Tokens(tokens) => write!(formatter, "Tokens({} tokens)", tokens.len()),
            Self::Base64(text) => write!(formatter, "Base64({} bytes)", text.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_words() {
        let read = |text: &str| serde_json::from_str::<PoolingTask>(text).map_err(|error| error.to_string());
        assert_eq!((read(r#""embed""#), read(r#""classify""#)), (Ok(PoolingTask::Embed), Ok(PoolingTask::Classify)));
        assert_eq!(read(r#""token_embed""#), Ok(PoolingTask::TokenEmbed));
        assert_eq!(read(r#""token_classify""#), Ok(PoolingTask::TokenClassify));
        assert!(read(r#""score""#).unwrap_err().starts_with("unknown variant `score`"));
    }

    #[test]
    fn debug_shows_no_numbers() {
        let shown = |numbers: PooledNumbers| format!("{numbers:?}");
        assert_eq!(shown(PooledNumbers::Text(vec![0.25, 0.5])), "Text(2 numbers)");
        assert_eq!(shown(PooledNumbers::Tokens(vec![vec![0.25, 0.5]])), "Tokens(1 tokens)");
        assert_eq!(shown(PooledNumbers::Base64("AACAPg==".to_owned())), "Base64(8 bytes)");
    }
}
