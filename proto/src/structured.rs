//! The form an answer is bound to: `OpenAI`'s `response_format`, and the names other servers have for the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{List, Refused, Text, strict_object::strict_object, word::word};

/// Most answers to choose from.
pub const MAX_STRUCTURED_CHOICES: usize = 1024;

/// Any JSON value, kept as it came: a schema or its text. Debug shows no content.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnyJson(pub Value);

impl fmt::Debug for AnyJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AnyJson")
    }
}

strict_object! {
    /// `response_format`
    pub struct ResponseFormat {
        required {
            /// `text`, `json_object` or `json_schema`
            kind: FormatKind,
        }
        optional {
            /// The schema, if it is `json_schema`.
            json_schema: NamedSchema,
        }
    }
}

/// `type` of a response format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum FormatKind {
    /// Free text.
    #[default]
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON under a schema.
    JsonSchema,
}

word!(FormatKind);

strict_object! {
    /// A JSON Schema and what it is called.
    pub struct NamedSchema {
        required {
            /// Letters, digits, `_` and `-`.
            name: Text,
        }
        optional {
            /// For people.
            description: Text,
            /// The schema.
            schema: AnyJson,
            /// Whether the client wants it enforced; it always is.
            strict: bool,
        }
    }
}

strict_object! {
    /// `structured_outputs`: exactly one of its members is given.
    pub struct StructuredOutputs {
        optional {
            /// A JSON Schema, or its text.
            json: AnyJson,
            /// A regular expression that the whole answer matches.
            regex: Text,
            /// The answer is one of these.
            choice: List<Text, MAX_STRUCTURED_CHOICES>,
            /// A grammar in the notation of Lark.
            grammar: Text,
            /// Any JSON object.
            json_object: bool,
        }
        received {
            /// Text with structured parts.
            structural_tag: Refused,
        }
    }
}
