//! What a message says: a string, or a list of parts.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

use crate::{Refused, Text, strict_object::strict_object, word::word};

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
        Ok(match part.kind {
            PartKind::Text => Self::Text { text: part.text.ok_or_else(|| D::Error::missing_field("text"))? },
            PartKind::Refusal => {
                Self::Refusal { refusal: part.refusal.ok_or_else(|| D::Error::missing_field("refusal"))? }
            }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
