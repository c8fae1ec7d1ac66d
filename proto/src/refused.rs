//! Members that are known but not served: any value is read, and only what tells "off" from "on" is kept.
//!
//! The document describes `null` and the value that means "off": nothing else is served.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::SchemaType};

use crate::schema::{self, Received};

/// The value of a refused member, as far as it may mean "off".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refused {
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// The string `none`.
    None,
    /// The string `auto`.
    Auto,
    /// An empty list or object.
    Empty,
    /// Anything else.
    Other,
}

/// A refused member that a value means "off" for.
pub trait Off {
    /// Whether the value means "off".
    fn is_off(value: Refused) -> bool;

    /// The value that does.
    fn value() -> Value;
}

/// The value of a member that is served only if it is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefusedUnless<W> {
    value: Refused,
    off: PhantomData<W>,
}

impl<W: Off> RefusedUnless<W> {
    /// Whether it asks for what is not served.
    pub fn is_on(self) -> bool {
        !W::is_off(self.value)
    }
}

impl<'de, W> Deserialize<'de> for RefusedUnless<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Refused::deserialize(deserializer).map(|value| Self { value, off: PhantomData })
    }
}

/// Declares values that mean "off".
macro_rules! off {
    ($($(#[doc = $doc:literal])* $Name:ident = $refused:pat => $value:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $Name;

        impl Off for $Name {
            fn is_off(value: Refused) -> bool {
                matches!(value, $refused)
            }

            fn value() -> Value {
                json!($value)
            }
        }
    )*};
}

off! {
    /// `false` means "off".
    False = Refused::Boolean(false) => false;
    /// The word `none` means "off".
    NoneWord = Refused::None => "none";
}

impl Received for Refused {
    fn schema() -> RefOr<Schema> {
        schema::null()
    }
}

impl<W: Off> Received for RefusedUnless<W> {
    fn schema() -> RefOr<Schema> {
        let values = [W::value(), Value::Null];
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(values)).into()
    }
}

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RefusedVisitor)
    }
}

struct RefusedVisitor;

impl<'de> Visitor<'de> for RefusedVisitor {
    type Value = Refused;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Refused, E> {
        Ok(Refused::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Refused, E> {
        Ok(Refused::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Refused, E> {
        Ok(Refused::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Refused, E> {
        Ok(Refused::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Refused, E> {
        Ok(match value {
            "none" => Refused::None,
            "auto" => Refused::Auto,
            _ => Refused::Other,
        })
    }

    fn visit_unit<E: Error>(self) -> Result<Refused, E> {
        Ok(Refused::Empty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Refused, A::Error> {
        let mut kind = Refused::Empty;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            kind = Refused::Other;
        }
        Ok(kind)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Refused, A::Error> {
        let mut kind = Refused::Empty;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            kind = Refused::Other;
        }
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_mean_off_is_kept() {
        let cases = [
            ("false", Refused::Boolean(false)),
            ("0", Refused::Number(0.0)),
            ("-1.5", Refused::Number(-1.5)),
            ("\"none\"", Refused::None),
            ("\"auto\"", Refused::Auto),
            ("\"Nones\"", Refused::Other),
            ("[]", Refused::Empty),
            ("{}", Refused::Empty),
            ("[1,[2]]", Refused::Other),
            ("{\"a\":{}}", Refused::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(serde_json::from_str::<Refused>(text).unwrap(), expected, "{text}");
        }
        assert_eq!(serde_json::from_str::<Option<Refused>>("null").unwrap(), None);
    }
}
