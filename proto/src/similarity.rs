//! How near texts are to one text, in text-embeddings-inference's form: `POST /similarity`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{InputText, List, MAX_INPUTS, Refused, TruncationFields, strict_object::strict_object};

strict_object! {
    /// A request to compare texts with one; the model that is served is meant.
    pub struct SimilarityRequest {
        required {
            /// The texts.
            inputs: SimilarityInputs,
        }
        optional {
            /// How they are read.
            parameters: SimilarityParameters,
        }
    }
}

strict_object! {
    /// A text, and those that are compared with it.
    pub struct SimilarityInputs {
        required {
            /// The one.
            source_sentence: InputText,
            /// The others.
            sentences: List<InputText, MAX_INPUTS, 1>,
        }
    }
}

strict_object! {
    /// How texts are read.
    pub struct SimilarityParameters {
        groups {
            /// About texts that are too long.
            truncation: TruncationFields,
        }
        received {
            /// What the model's files would put before each text.
            prompt_name: Refused,
        }
    }
}

/// The cosine of each text's angle to the one, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Similarities(pub Vec<f32>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_strict_at_every_depth() {
        let parse = |text: &str| serde_json::from_str::<SimilarityRequest>(text).map_err(|error| error.to_string());
        let request =
            parse(r#"{"inputs":{"source_sentence":"a","sentences":["b"]},"parameters":{"truncate":true}}"#).unwrap();
        assert_eq!(request.inputs.sentences.len(), 1);
        assert_eq!(request.parameters.unwrap().truncation.truncate, Some(true));
        let wrong = [
            (r#"{"inputs":{"source_sentence":"a"}}"#, "missing field `sentences`"),
            (r#"{"inputs":{"source_sentence":"a","sentences":[]}}"#, "invalid length 0"),
            (r#"{"inputs":{"source_sentence":"a","sentences":["b"],"model":"m"}}"#, "unknown field `model`"),
            (
                r#"{"inputs":{"source_sentence":"a","sentences":["b"]},"parameters":{"normalize":true}}"#,
                "unknown field `normalize`",
            ),
        ];
        for (text, error) in wrong {
            assert!(parse(text).unwrap_err().starts_with(error), "{text}");
        }
    }
}
