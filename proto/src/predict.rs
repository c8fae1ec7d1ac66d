//! Labels of texts and of pairs of texts in text-embeddings-inference's form: `POST /predict`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    InputText, List, MAX_INPUTS, Texts, TruncationFields,
    list::{of_items, too_few, with_rest},
    schema,
    strict_object::strict_object,
};

strict_object! {
    /// A request for the labels of texts or pairs of texts; the model that is served is meant.
    pub struct PredictRequest {
        groups {
            /// About texts that are too long.
            truncation: TruncationFields,
        }
        required {
            /// The texts.
            inputs: PredictInput,
        }
        optional {
            /// Scores as the model gives them, in place of probabilities.
            raw_scores: bool,
        }
    }
}

/// A text, or the two of a pair.
pub type TextOrPair = List<InputText, 2, 1>;

/// A text or a pair, or a list of such: `"a"`, `["a", "b"]`, `[["a"], ["b", "c"]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PredictInput {
    /// One.
    One(Texts<2>),
    /// A list.
    Many(List<TextOrPair, MAX_INPUTS, 1>),
}

impl Default for PredictInput {
    fn default() -> Self {
        Self::One(Texts::default())
    }
}

impl<'de> Deserialize<'de> for PredictInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

impl PartialSchema for PredictInput {
    fn schema() -> RefOr<Schema> {
        let one = || schema::used::<TextOrPair>();
        let list = of_items(one(), 1, Some(MAX_INPUTS));
        schema::one_of([schema::used::<InputText>(), one(), list.into()]).into()
    }
}

impl ToSchema for PredictInput {}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = PredictInput;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a pair of strings, or a list of lists of one or two strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PredictInput, E> {
        InputText::read(text.into()).map(|text| PredictInput::One(Texts::One(text)))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<PredictInput, E> {
        InputText::read(text.into()).map(|text| PredictInput::One(Texts::One(text)))
    }

    /// The first item says what the others are.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PredictInput, A::Error> {
        match seq.next_element::<Texts<2>>()?.ok_or_else(|| too_few::<A::Error>(0))? {
            Texts::One(text) => with_rest(text, &mut seq, 2).map(|texts| PredictInput::One(Texts::Many(List(texts)))),
            Texts::Many(texts) => with_rest(texts, &mut seq, MAX_INPUTS).map(|lists| PredictInput::Many(List(lists))),
        }
    }
}

/// The labels of one input, or of each of a list in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Predictions {
    /// Of one: the likeliest first.
    One(Vec<LabelScore>),
    /// Of a list.
    Many(Vec<Vec<LabelScore>>),
}

/// One label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelScore {
    /// Its probability, or its score.
    pub score: f32,
    /// Its name.
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_text_a_pair_or_a_list_of_such() {
        let read = |json: &str| serde_json::from_str::<PredictInput>(json).map_err(|error| error.to_string());
        let one =
            |texts: &[&str]| PredictInput::One(Texts::Many(List(texts.iter().map(|text| (*text).into()).collect())));
        assert_eq!(read(r#""a""#), Ok(PredictInput::One(Texts::One("a".into()))));
        assert_eq!(read(r#"["a"]"#), Ok(one(&["a"])));
        assert_eq!(read(r#"["a","b"]"#), Ok(one(&["a", "b"])));
        let list = List(vec![List(vec!["a".into()]), List(vec!["b".into(), "c".into()])]);
        assert_eq!(read(r#"[["a"],["b","c"]]"#), Ok(PredictInput::Many(list)));
    }

    #[test]
    fn kinds_do_not_mix_and_lists_have_their_sizes() {
        let wrong = |json: &str| serde_json::from_str::<PredictInput>(json).unwrap_err().to_string();
        for json in [r#"["a",["b"]]"#, r#"[["a"],"b"]"#, "[1]", "[[1]]", "5", "{}"] {
            assert!(wrong(json).starts_with("invalid type: "), "{json}: {}", wrong(json));
        }
        for json in ["[]", "[[]]", r#"[["a"],[]]"#] {
            assert!(wrong(json).starts_with("invalid length 0"), "{json}");
        }
        for json in [r#"["a","b","c"]"#, r#"[["a","b","c"]]"#, r#"[["a"],["a","b","c"]]"#] {
            assert!(wrong(json).starts_with("invalid length 3, expected at most 2 items"), "{json}");
        }
        assert!(wrong(r#"["a",""]"#).starts_with("invalid value: string of 0 bytes"));
    }
}
