//! Members that are known but not served: any value is read, and only what tells "off" from "on" is kept.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

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
