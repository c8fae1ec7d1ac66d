//! Integers as JSON Schema has them: a number whose fraction is zero. `8.0` is 8; `1.5`, `"8"` and `true` are not.
//!
//! One beyond the type fails with a message that begins `invalid value: integer above` or `... below` and its bound.

use std::{fmt, ops::RangeInclusive};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};

/// A signed integer of 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Integer(pub i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(IntegerVisitor)?;
        narrow(value, i64::MIN..=i64::MAX).map(Self)
    }
}

/// The id of a token, from 0 to 4294967295.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TokenId(pub u32);

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(IntegerVisitor)?;
        narrow(value, 0..=u32::MAX).map(Self)
    }
}

/// Fits the value into the type, or tells which bound it is beyond.
pub(crate) fn narrow<T, E>(value: i128, range: RangeInclusive<T>) -> Result<T, E>
where
    T: TryFrom<i128> + fmt::Display,
    E: Error,
{
    T::try_from(value).map_err(|_| {
        let (min, max) = range.into_inner();
        let beyond = if value < 0 { format!("integer below {min}") } else { format!("integer above {max}") };
        E::invalid_value(Unexpected::Other(&beyond), &"an integer in range")
    })
}

/// Takes whole numbers of any size; those beyond 128 bits are at its ends, where no narrower type takes them.
struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = i128;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an integer")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i128, E> {
        whole(value).ok_or_else(|| E::invalid_type(Unexpected::Float(value), &self))
    }
}

/// The number as an integer, if it is one; `as` saturates at the ends.
pub(crate) fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0).then_some(value as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<i64, String> {
        serde_json::from_str::<Integer>(text).map(|integer| integer.0).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_are_integers() {
        assert_eq!(parse("8"), Ok(8));
        assert_eq!(parse("8.0"), Ok(8));
        assert_eq!(parse("-8e2"), Ok(-800));
        assert_eq!(parse("-0.0"), Ok(0));
        assert_eq!(parse("9223372036854775807"), Ok(i64::MAX));
        assert_eq!(parse("-9223372036854775808"), Ok(i64::MIN));
    }

    #[test]
    fn nothing_else_is() {
        for text in ["1.5", "\"8\"", "true", "null", "[]", "{}"] {
            let message = parse(text).unwrap_err();
            assert!(message.starts_with("invalid type: "), "{text}: {message}");
        }
    }

    #[test]
    fn integers_beyond_the_type_name_the_bound() {
        for text in ["9223372036854775808", "99999999999999999999", "1e300"] {
            assert!(parse(text).unwrap_err().starts_with("invalid value: integer above 9223372036854775807"));
        }
        assert!(parse("-1e19").unwrap_err().starts_with("invalid value: integer below -9223372036854775808"));
        let token = |text| serde_json::from_str::<TokenId>(text).map_err(|error| error.to_string());
        assert_eq!(token("4294967295"), Ok(TokenId(u32::MAX)));
        assert!(token("4294967296").unwrap_err().starts_with("invalid value: integer above 4294967295"));
        assert!(token("-1").unwrap_err().starts_with("invalid value: integer below 0"));
    }
}
