//! What a model makes of texts, whatever that is: `POST /pooling`, in vLLM's form.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    EmbeddingInput, EmbeddingVector, EncodingFormat, Messages, ModelName, ObjectName, ReadingFields,
    embeddings::of_input_or_messages, schema, strict_object::strict_object, word::word,
};

strict_object! {
    /// A request for the vectors or the labels of texts or of a chat, one of the two.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum PoolingTask {
    /// Its vector.
    Embed,
    /// The probabilities of labels.
    Classify,
    /// A vector of each token, which is not served.
    TokenEmbed,
    /// Labels of each token, which are not served.
    TokenClassify,
}

word!(PoolingTask);

impl PartialSchema for PoolingTask {
    /// What is served of them.
    fn schema() -> RefOr<Schema> {
        schema::words(&["embed", "classify"]).into()
    }
}

impl ToSchema for PoolingTask {}

/// What was made of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pooled {
    /// Its input's place.
    pub index: usize,
    /// `pooling`
    pub object: ObjectName,
    /// Its vector, or the probability of each label.
    pub data: EmbeddingVector,
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
}
