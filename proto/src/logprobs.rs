//! Log-probabilities, in the form of chats and in the older form of completions.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema},
};

use crate::{
    Text,
    map::{PairsVisitor, write_pairs},
};

/// A log-probability; what JSON cannot say (minus infinity) is -9999.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Logprob(f32);

impl Logprob {
    /// The number.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl From<f32> for Logprob {
    fn from(value: f32) -> Self {
        Self(value.max(-9999.0))
    }
}

/// `choices[].logprobs` of a chat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatLogprobs {
    /// One entry for each token of the text.
    pub content: Option<Vec<TokenLogprob>>,
    /// Always null.
    #[serde(default)]
    #[schema(required)]
    pub refusal: Option<Vec<TokenLogprob>>,
}

/// One token of the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenLogprob {
    /// Its text.
    pub token: Text,
    /// Its log-probability.
    pub logprob: Logprob,
    /// Its exact bytes.
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens in its place, best first.
    #[serde(default)]
    #[schema(required)]
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that could have stood there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopLogprob {
    /// Its text.
    pub token: Text,
    /// Its log-probability.
    pub logprob: Logprob,
    /// Its exact bytes.
    pub bytes: Option<Vec<u8>>,
}

/// `choices[].logprobs` of a completion: arrays of one length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionLogprobs {
    /// Texts of the tokens.
    pub tokens: Vec<Text>,
    /// Their log-probabilities; null for the first token of an echoed prompt.
    pub token_logprobs: Vec<Option<Logprob>>,
    /// The likeliest tokens in each place, the sampled one among them.
    pub top_logprobs: Vec<Option<TopTokens>>,
    /// Where each token begins, in characters of the text.
    pub text_offset: Vec<usize>,
}

/// Texts of tokens and their log-probabilities, best first, each text once.
#[derive(Clone, PartialEq, Default)]
pub struct TopTokens(Vec<(String, Logprob)>);

impl TopTokens {
    /// Adds a token, unless a likelier one has the same text.
    pub fn insert(&mut self, text: String, logprob: impl Into<Logprob>) {
        let logprob = logprob.into();
        if let Some(place) = self.0.iter().position(|(other, _)| *other == text) {
            if self.0[place].1 >= logprob {
                return;
            }
            self.0.remove(place);
        }
        let place = self.0.partition_point(|(_, other)| *other >= logprob);
        self.0.insert(place, (text, logprob));
    }

    /// The tokens, best first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Logprob)> {
        self.0.iter().map(|(text, logprob)| (text.as_str(), *logprob))
    }
}

impl PartialSchema for TopTokens {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().additional_properties(Some(Logprob::schema())).into()
    }
}

impl ToSchema for TopTokens {}

impl std::fmt::Debug for TopTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TopTokens({})", self.0.len())
    }
}

impl Serialize for TopTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pairs(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for TopTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor { keep: usize::MAX, values: PhantomData }).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_infinity_can_be_written() {
        assert_eq!(serde_json::to_string(&Logprob::from(f32::NEG_INFINITY)).unwrap(), "-9999.0");
        assert_eq!(serde_json::to_string(&Logprob::from(-0.41)).unwrap(), "-0.41");
    }

    #[test]
    fn top_tokens_are_sorted_and_each_text_stands_once() {
        let mut top = TopTokens::default();
        for (text, logprob) in [("a", -2.0), ("b", -1.0), ("a", -0.5), ("b", -3.0)] {
            top.insert(text.to_owned(), logprob);
        }
        assert_eq!(serde_json::to_string(&top).unwrap(), r#"{"a":-0.5,"b":-1.0}"#);
    }
}
