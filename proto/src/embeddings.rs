//! Vectors of texts: `POST /v1/embeddings`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{Object, OneOf},
    },
};

use crate::{
    Integer, Messages, ModelName, ObjectName, Prompt, ShortText, Timings, TokenId,
    integer::U32_MAX,
    prompt::{PromptVisitor, of_prompts},
    scheduling, schema,
    strict_object::strict_object,
    word::word,
};

/// Inputs in one request at most.
pub const MAX_INPUTS: usize = 2048;

strict_object! {
    /// A request for the vectors of texts or of a chat, one of the two.
    pub struct EmbeddingsRequest {
        required {
            /// Name of the model.
            model: ModelName,
        }
        optional {
            /// The texts.
            input: EmbeddingInput,
            /// A chat.
            messages: Messages,
            /// How vectors are written.
            encoding_format: EncodingFormat,
            /// Numbers of a vector.
            dimensions: Integer<1, U32_MAX>,
            /// Keep so many tokens of a text; -1 keeps what fits.
            truncate_prompt_tokens: Integer<-1, U32_MAX>,
            /// Vectors have unit length.
            normalize: bool,
            /// Begin and end tokens around a text.
            add_special_tokens: bool,
            /// Lower runs earlier.
            priority: Integer<-100, 100>,
            /// Bookkeeping.
            user: ShortText,
        }
        forms { of_input_or_messages }
    }
}

/// One of the two is there.
pub(crate) fn of_input_or_messages(request: &Object) -> OneOf {
    let mut request = request.clone();
    scheduling::narrow(&mut request);
    let texts = schema::form(&request, &["input"], &["messages"]);
    let chat = schema::form(&request, &["messages"], &["input"]);
    schema::forms_of(&request, [texts, chat])
}

/// `input`: in the four forms of a completion's prompt, and more of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct EmbeddingInput(pub Prompt);

impl<'de> Deserialize<'de> for EmbeddingInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PromptVisitor { max: MAX_INPUTS }).map(Self)
    }
}

impl PartialSchema for EmbeddingInput {
    /// No text is empty.
    fn schema() -> RefOr<Schema> {
        of_prompts(schema::string().min_length(Some(1)).into(), MAX_INPUTS).title(Some("EmbeddingInput")).into()
    }
}

impl ToSchema for EmbeddingInput {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<TokenId>(components);
    }
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum EncodingFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// Base64 of little-endian `f32`.
    Base64,
}

word!(EncodingFormat);

/// The vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingsResponse {
    /// `list`
    pub object: ObjectName,
    /// The name asked for.
    pub model: String,
    /// One for each input, in their order.
    pub data: Vec<Embedding>,
    /// What it cost.
    pub usage: EmbeddingUsage,
    /// Where its time went, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}

/// One vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Embedding {
    /// `embedding`
    pub object: ObjectName,
    /// Its input's place.
    pub index: usize,
    /// The numbers.
    pub embedding: EmbeddingVector,
}

/// The numbers of a vector. They tell nearly as much as the text: Debug shows none of them.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EmbeddingVector {
    /// As numbers.
    Floats(Vec<f32>),
    /// As base64 of little-endian `f32`.
    Base64(String),
}

impl fmt::Debug for EmbeddingVector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floats(numbers) => write!(formatter, "Floats({} numbers)", numbers.len()),
            Self::Base64(text) => write!(formatter, "Base64({} bytes)", text.len()),
        }
    }
}

/// `usage` of a request that generates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingUsage {
    /// Tokens of all inputs.
    pub prompt_tokens: usize,
    /// The same.
    pub total_tokens: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EmbeddingsRequest, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn requests_are_strict() {
        let request = parse(r#"{"model":"m","input":[[1,2.0],[3]],"encoding_format":"base64"}"#).unwrap();
        let lists = vec![vec![TokenId(1), TokenId(2)], vec![TokenId(3)]];
        assert_eq!(request.input, Some(EmbeddingInput(Prompt::TokenLists(lists))));
        assert_eq!(request.encoding_format, Some(EncodingFormat::Base64));
        assert!(parse(r#"{"model":"m","text":"a"}"#).unwrap_err().starts_with("unknown field `text`"));
        assert!(parse(r#"{"model":"m","encoding_format":"int8"}"#).unwrap_err().starts_with("unknown variant `int8`"));
        assert!(parse(r#"{"input":"a"}"#).unwrap_err().starts_with("missing field `model`"));
    }

    #[test]
    fn there_may_be_more_inputs_than_prompts() {
        let of = |count: usize, item: &str| format!(r#"{{"model":"m","input":[{}]}}"#, vec![item; count].join(","));
        for item in ["\"a\"", "[1]"] {
            assert!(parse(&of(MAX_INPUTS, item)).is_ok());
            assert!(parse(&of(MAX_INPUTS + 1, item)).unwrap_err().starts_with("invalid length 2049"));
        }
    }

    #[test]
    fn debug_shows_no_numbers() {
        assert_eq!(format!("{:?}", EmbeddingVector::Floats(vec![0.25, 0.5])), "Floats(2 numbers)");
        assert_eq!(format!("{:?}", EmbeddingVector::Base64("AACAPg==".to_owned())), "Base64(8 bytes)");
    }
}
