//! Texts that are read and not continued: none is empty.

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
    openapi::{RefOr, Schema, schema::Object},
};

use crate::{
    BoundedText, Integer, List, MAX_INPUTS, ShortText, Text, integer::U32_MAX, list::of_items, scheduling, schema,
    strict_object::strict_object,
};

/// Most bytes of one text; the model's limit is less.
const MAX_BYTES: usize = 1 << 24;

/// One text.
pub type InputText = BoundedText<1, MAX_BYTES>;

/// One text or a list of `MAX` at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Texts<const MAX: usize = MAX_INPUTS> {
    /// One.
    One(InputText),
    /// A list.
    Many(List<InputText, MAX, 1>),
}

impl<const MAX: usize> Texts<MAX> {
    /// As a list.
    pub fn into_vec(self) -> Vec<InputText> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts.0,
        }
    }
}

impl<const MAX: usize> Default for Texts<MAX> {
    fn default() -> Self {
        Self::One(InputText::default())
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Texts<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor::<MAX>)
    }
}

impl<const MAX: usize> PartialSchema for Texts<MAX> {
    fn schema() -> RefOr<Schema> {
        let list = of_items(schema::used::<InputText>(), 1, Some(MAX));
        schema::one_of([schema::used::<InputText>(), list.into()]).into()
    }
}

impl<const MAX: usize> ToSchema for Texts<MAX> {}

struct TextsVisitor<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for TextsVisitor<MAX> {
    type Value = Texts<MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Texts<MAX>, E> {
        InputText::read(text.into()).map(Texts::One)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Texts<MAX>, E> {
        InputText::read(text.into()).map(Texts::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Texts<MAX>, A::Error> {
        List::deserialize(SeqAccessDeserializer::new(seq)).map(Texts::Many)
    }
}

/// A text, plain or as the member of an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Document {
    /// Plain.
    Text(InputText),
    /// In an object.
    Object(DocumentObject),
}

strict_object! {
    /// A document.
    pub struct DocumentObject {
        required {
            /// What it says.
            text: InputText,
        }
    }
}

impl Document {
    /// What it says.
    pub fn into_text(self) -> InputText {
        match self {
            Self::Text(text) => text,
            Self::Object(object) => object.text,
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        schema::one_of([schema::used::<InputText>(), schema::used::<DocumentObject>()]).into()
    }
}

impl ToSchema for Document {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<DocumentObject>(components);
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or an object with a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        InputText::read(text.into()).map(Document::Text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Document, E> {
        InputText::read(text.into()).map(Document::Text)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        DocumentObject::deserialize(MapAccessDeserializer::new(map)).map(Document::Object)
    }
}

strict_object! {
    /// Members around texts that are read.
    pub struct ReadingFields {
        optional {
            /// Keep so many tokens of a text or a pair; -1 keeps what fits.
            truncate_prompt_tokens: Integer<-1, U32_MAX>,
            /// Lower runs earlier.
            priority: Integer<-100, 100>,
            /// Bookkeeping.
            user: ShortText,
        }
    }
}

/// What the members take less of than their types.
pub(crate) fn narrowed(request: &Object) -> Object {
    let mut request = request.clone();
    scheduling::narrow(&mut request);
    request
}

/// A text of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentText {
    /// What it says.
    pub text: Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_empty() {
        let texts = |json: &str| serde_json::from_str::<Texts>(json).map_err(|error| error.to_string());
        assert_eq!(texts(r#""a""#).unwrap().into_vec(), ["a".into()]);
        assert_eq!(texts(r#"["a","b"]"#).unwrap().into_vec(), ["a".into(), "b".into()]);
        assert!(texts(r#""""#).unwrap_err().starts_with("invalid value: string of 0 bytes"));
        assert!(texts(r#"["a",""]"#).unwrap_err().starts_with("invalid value: string of 0 bytes"));
        assert!(texts("[]").unwrap_err().starts_with("invalid length 0"));
        assert!(texts("[[1]]").unwrap_err().starts_with("invalid type: sequence"));
        assert!(texts("5").unwrap_err().contains("expected a string or a list of strings"));
    }

    #[test]
    fn a_document_is_a_text_or_holds_one() {
        let document = |json: &str| serde_json::from_str::<Document>(json).map_err(|error| error.to_string());
        for json in [r#""a""#, r#"{"text":"a"}"#] {
            assert_eq!(document(json).unwrap().into_text(), "a".into());
        }
        assert!(document(r#"{"text":"a","title":"b"}"#).unwrap_err().starts_with("unknown field `title`"));
        assert!(document("{}").unwrap_err().starts_with("missing field `text`"));
    }
}
