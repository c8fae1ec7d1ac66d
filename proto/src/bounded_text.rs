//! Text of a bounded size, counted in bytes.
//!
//! One beyond it fails with `invalid value: string of N bytes, expected M to L bytes`.

use std::ops::Deref;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{Text, schema};

/// A text of `MIN` to `MAX` bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BoundedText<const MIN: usize, const MAX: usize>(Text);

/// An id or another short string of a client's.
pub type ShortText = BoundedText<0, 128>;

/// A text that an answer must not hold, or ends at.
pub type Word = BoundedText<1, 256>;

impl<const MIN: usize, const MAX: usize> BoundedText<MIN, MAX> {
    /// The string itself.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl<const MIN: usize, const MAX: usize> Deref for BoundedText<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> From<&str> for BoundedText<MIN, MAX> {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<const MIN: usize, const MAX: usize> BoundedText<MIN, MAX> {
    /// Takes a text of the right size.
    pub(crate) fn read<E: Error>(text: Text) -> Result<Self, E> {
        let bytes = text.len();
        if (MIN..=MAX).contains(&bytes) {
            return Ok(Self(text));
        }
        let found = format!("string of {bytes} bytes");
        Err(E::invalid_value(Unexpected::Other(&found), &format!("{MIN} to {MAX} bytes").as_str()))
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for BoundedText<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Text::deserialize(deserializer)?)
    }
}

impl<const MIN: usize, const MAX: usize> PartialSchema for BoundedText<MIN, MAX> {
    /// A string of so many bytes has no more characters.
    fn schema() -> RefOr<Schema> {
        schema::string().min_length((MIN > 0).then_some(MIN)).max_length(Some(MAX)).into()
    }
}

impl<const MIN: usize, const MAX: usize> ToSchema for BoundedText<MIN, MAX> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted() {
        let read =
            |text: &str| serde_json::from_value::<BoundedText<1, 4>>(text.into()).map_err(|error| error.to_string());
        assert_eq!((read("a"), read("éé")), (Ok("a".into()), Ok("éé".into())));
        assert_eq!(read("ééx"), Err("invalid value: string of 5 bytes, expected 1 to 4 bytes".to_owned()));
        assert_eq!(read(""), Err("invalid value: string of 0 bytes, expected 1 to 4 bytes".to_owned()));
    }
}
