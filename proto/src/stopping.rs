//! When a sequence ends, and why it did.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    Integer, List, Refused, Text, TokenId, Word,
    integer::{U32_MAX, narrow, whole},
    schema,
    strict_object::strict_object,
};

strict_object! {
    /// Members that end a sequence, shared by chat and completions.
    pub struct StoppingFields {
        optional {
            /// Tokens to generate at most.
            max_tokens: Integer<0, U32_MAX>,
            /// Texts that end the answer.
            stop: Stop,
            /// Tokens that end the answer.
            stop_token_ids: List<TokenId, 128>,
            /// No end before so many tokens.
            min_tokens: Integer<0>,
            /// The model's end token does not end.
            ignore_eos: bool,
            /// Keep the matched text.
            include_stop_str_in_output: bool,
        }
        received {
            /// A pattern that ends the answer.
            stop_regex: Refused,
        }
    }
}

/// `stop`: one string or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Stop {
    /// One string.
    One(Word),
    /// Several.
    Many(List<Word, 16>),
}

impl PartialSchema for Stop {
    fn schema() -> RefOr<Schema> {
        schema::one_of([schema::used::<Word>(), schema::used::<List<Word, 16>>()]).into()
    }
}

impl ToSchema for Stop {}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopVisitor)
    }
}

struct StopVisitor;

impl<'de> Visitor<'de> for StopVisitor {
    type Value = Stop;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Stop, E> {
        Word::read(text.into()).map(Stop::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Stop, A::Error> {
        List::deserialize(SeqAccessDeserializer::new(seq)).map(Stop::Many)
    }
}

/// Why a choice ended: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// An end token, a stop string or a stop id.
    Stop,
    /// As many tokens as were allowed.
    Length,
    /// It calls tools.
    ToolCalls,
}

/// What exactly stopped a choice.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum StopReason {
    /// This stop string.
    Text(Text),
    /// This token of `stop_token_ids`.
    Token(u32),
}

impl<'de> Deserialize<'de> for StopReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopReasonVisitor)
    }
}

struct StopReasonVisitor;

impl Visitor<'_> for StopReasonVisitor {
    type Value = StopReason;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a token id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StopReason, E> {
        Ok(StopReason::Text(text.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<StopReason, E> {
        narrow(value.into()).map(StopReason::Token)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<StopReason, E> {
        let value = whole(value).ok_or_else(|| E::custom("a token id is an integer"))?;
        narrow(value).map(StopReason::Token)
    }
}
