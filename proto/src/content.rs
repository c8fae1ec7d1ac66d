//! What a message says: a string, or a list of parts.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{Object, OneOf},
    },
};

use crate::{Refused, Text, list::of_items, schema, strict_object::strict_object, word::word};

/// `content` of a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// One string.
    Text(Text),
    /// Parts in order.
    Parts(Vec<ContentPart>),
}

/// One part of a content list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Plain text.
    Text {
        /// The text.
        text: Text,
    },
    /// A refusal that an assistant gave earlier.
    Refusal {
        /// Its words.
        refusal: Text,
    },
    /// Something other than text; its data is not kept.
    #[serde(skip_serializing)]
    Media(MediaKind),
}

/// Kinds of parts that are not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// `image_url`
    ImageUrl,
    /// `input_audio`
    InputAudio,
    /// `file`
    File,
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(Text::default())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

impl PartialSchema for Content {
    /// As an assistant's message has it.
    fn schema() -> RefOr<Schema> {
        string_or_parts(schema::used::<ContentPart>())
    }
}

impl ToSchema for Content {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<ContentPart>(components);
    }
}

impl Content {
    /// As whoever is not the assistant has it: no part is a refusal.
    pub(crate) fn of_texts() -> RefOr<Schema> {
        let part = schema::object::<PartMembers>("text part", &[]);
        string_or_parts(schema::untitled(text_part(&part)))
    }
}

fn string_or_parts(part: RefOr<Schema>) -> RefOr<Schema> {
    schema::one_of([schema::used::<Text>(), of_items(part, 1, None).into()]).into()
}

/// Parts that are served.
fn parts(part: &Object) -> OneOf {
    let mut refusal = schema::form(part, &["refusal"], &["text"]);
    schema::set(&mut refusal, "type", schema::words(&["refusal"]));
    schema::forms_of(part, [text_part(part), refusal])
}

fn text_part(part: &Object) -> Object {
    let mut text = schema::form(part, &["text"], &["refusal"]);
    schema::set(&mut text, "type", schema::words(&["text"]));
    text
}

impl PartialSchema for ContentPart {
    fn schema() -> RefOr<Schema> {
        let part = schema::object::<PartMembers>("ContentPart", &["One part of a content list."]);
        Schema::OneOf(parts(&part)).into()
    }
}

impl ToSchema for ContentPart {}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Content, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Content, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Content::Parts)
    }
}

impl<'de> Deserialize<'de> for ContentPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = PartMembers::deserialize(deserializer)?;
        let of_media = part.image_url.or(part.input_audio).or(part.file).is_some();
        let one = |name, own: Option<Text>, other: Option<Text>| match own {
            None => Err(D::Error::missing_field(name)),
            Some(_) if of_media || other.is_some() => Err(D::Error::unknown_field("of another kind of parts", &[])),
            Some(text) => Ok(text),
        };
        Ok(match part.kind {
            PartKind::Text => Self::Text { text: one("text", part.text, part.refusal)? },
            PartKind::Refusal => Self::Refusal { refusal: one("refusal", part.refusal, part.text)? },
            PartKind::ImageUrl => Self::Media(MediaKind::ImageUrl),
            PartKind::InputAudio => Self::Media(MediaKind::InputAudio),
            PartKind::File => Self::Media(MediaKind::File),
        })
    }
}

strict_object! {
    /// The members of all kinds of parts.
    pub(crate) struct PartMembers {
        required {
            /// Which kind.
            kind: PartKind,
        }
        optional {
            /// Of a text part.
            text: Text,
            /// Of a refusal part.
            refusal: Text,
        }
        received {
            /// Of an image part.
            image_url: Refused,
            /// Of an audio part.
            input_audio: Refused,
            /// Of a file part.
            file: Refused,
        }
    }
}

/// `type` of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum PartKind {
    /// `text`
    #[default]
    Text,
    /// `refusal`
    Refusal,
    /// `image_url`
    ImageUrl,
    /// `input_audio`
    InputAudio,
    /// `file`
    File,
}

word!(PartKind);
