//! Labels of texts and of pairs of texts: `POST /v1/classify`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        Error, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    InputText, List, MAX_INPUTS, ModelName, ReadingFields, ShortText, list::of_items, schema,
    strict_object::strict_object, texts::narrowed,
};

strict_object! {
    /// A request for the labels of texts or pairs of texts.
    pub struct ClassifyRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// The texts.
            input: ClassifyInput,
        }
        optional {
            /// Scores as the model gives them, in place of probabilities.
            raw_scores: bool,
            /// Which head of a model that has several.
            head: ShortText,
        }
        forms { narrowed }
    }
}

/// One text or pair, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClassifyInput {
    /// One.
    One(ClassifyText),
    /// A list.
    Many(List<ClassifyText, MAX_INPUTS, 1>),
}

/// A text, or a pair of texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClassifyText {
    /// A text.
    Text(InputText),
    /// A text or a pair, in an object.
    Pair(TextPair),
}

strict_object! {
    /// A text, and another one that it is read with.
    pub struct TextPair {
        required {
            /// The first.
            text: InputText,
        }
        optional {
            /// The second.
            text_pair: InputText,
        }
    }
}

impl ClassifyInput {
    /// As a list.
    pub fn into_vec(self) -> Vec<ClassifyText> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts.0,
        }
    }
}

impl Default for ClassifyInput {
    fn default() -> Self {
        Self::One(ClassifyText::Text(InputText::default()))
    }
}

impl<'de> Deserialize<'de> for ClassifyInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

impl<'de> Deserialize<'de> for ClassifyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

impl PartialSchema for ClassifyInput {
    fn schema() -> RefOr<Schema> {
        let list = of_items(schema::used::<ClassifyText>(), 1, Some(MAX_INPUTS));
        schema::one_of([schema::used::<InputText>(), schema::used::<TextPair>(), list.into()]).into()
    }
}

impl ToSchema for ClassifyInput {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<ClassifyText>(components);
    }
}

impl PartialSchema for ClassifyText {
    fn schema() -> RefOr<Schema> {
        schema::one_of([schema::used::<InputText>(), schema::used::<TextPair>()]).into()
    }
}

impl ToSchema for ClassifyText {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<TextPair>(components);
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = ClassifyInput;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, an object with a text, or a list of such")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClassifyInput, E> {
        TextVisitor.visit_str(text).map(ClassifyInput::One)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<ClassifyInput, E> {
        TextVisitor.visit_string(text).map(ClassifyInput::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClassifyInput, A::Error> {
        TextVisitor.visit_map(map).map(ClassifyInput::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<ClassifyInput, A::Error> {
        List::deserialize(SeqAccessDeserializer::new(seq)).map(ClassifyInput::Many)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = ClassifyText;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or an object with a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClassifyText, E> {
        InputText::read(text.into()).map(ClassifyText::Text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<ClassifyText, E> {
        InputText::read(text.into()).map(ClassifyText::Text)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClassifyText, A::Error> {
        TextPair::deserialize(MapAccessDeserializer::new(map)).map(ClassifyText::Pair)
    }
}

/// The labels of one text or pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Classified {
    /// Its place.
    pub index: usize,
    /// The likeliest label.
    pub label: String,
    /// Of each label in their order: its probability, or its score.
    pub probs: Vec<f32>,
    /// Labels.
    pub num_classes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_text_a_pair_or_a_list() {
        let read = |json: &str| serde_json::from_str::<ClassifyInput>(json).map_err(|error| error.to_string());
        assert_eq!(read(r#""a""#).unwrap().into_vec(), [ClassifyText::Text("a".into())]);
        let pair = TextPair { text: "a".into(), text_pair: Some("b".into()) };
        assert_eq!(read(r#"{"text":"a","text_pair":"b"}"#).unwrap().into_vec(), [ClassifyText::Pair(pair)]);
        assert_eq!(read(r#"["a",{"text":"b"}]"#).unwrap().into_vec().len(), 2);
        assert!(read("[]").unwrap_err().starts_with("invalid length 0"));
        assert!(read(r#"{"text":"a","pair":"b"}"#).unwrap_err().starts_with("unknown field `pair`"));
        assert!(read(r#"[""]"#).unwrap_err().starts_with("invalid value: string of 0 bytes"));
    }
}
