//! Vectors of texts in text-embeddings-inference's form: `POST /embed`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{EmbeddingInput, Integer, Refused, TruncationFields, integer::U32_MAX, strict_object::strict_object};

strict_object! {
    /// A request for the vectors of texts; the model that is served is meant.
    pub struct EmbedRequest {
        groups {
            /// About texts that are too long.
            truncation: TruncationFields,
        }
        required {
            /// The texts.
            inputs: EmbeddingInput,
        }
        optional {
            /// Vectors have unit length, as they do where this is absent.
            normalize: bool,
            /// Numbers of a vector.
            dimensions: Integer<1, U32_MAX>,
        }
        received {
            /// What the model's files would put before each text.
            prompt_name: Refused,
        }
    }
}

/// One vector for each input, in their order. They tell nearly as much as the texts: Debug shows none of their numbers.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vectors(pub Vec<Vec<f32>>);

impl fmt::Debug for Vectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vectors({} vectors)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_strict() {
        let parse = |text: &str| serde_json::from_str::<EmbedRequest>(text).map_err(|error| error.to_string());
        let request = parse(r#"{"inputs":"a","truncate":true,"normalize":null}"#).unwrap();
        assert_eq!((request.truncation.truncate, request.normalize), (Some(true), None));
        assert!(parse(r#"{"inputs":"a","prompt_name":"query"}"#).unwrap().prompt_name.is_some());
        assert!(parse(r#"{"inputs":"a","model":"m"}"#).unwrap_err().starts_with("unknown field `model`"));
        assert!(parse("{}").unwrap_err().starts_with("missing field `inputs`"));
    }

    #[test]
    fn debug_shows_no_numbers() {
        assert_eq!(format!("{:?}", Vectors(vec![vec![0.25, 0.5]])), "Vectors(1 vectors)");
    }
}
