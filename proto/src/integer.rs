//! Integers as JSON Schema has them: a number whose fraction is zero. `8.0` is 8; `1.5`, `"8"` and `true` are not.
//!
//! One beyond the type fails with a message that begins `invalid value: integer above` or `... below` and its bound.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::schema;

/// Most of what fits into 32 bits without a sign.
pub(crate) const U32_MAX: i64 = u32::MAX as i64;

/// A signed integer of 64 bits, from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Integer<const MIN: i64 = { i64::MIN }, const MAX: i64 = { i64::MAX }>(pub i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Integer<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(IntegerVisitor)?;
        within(value, MIN, MAX).map(Self)
    }
}

impl<const MIN: i64, const MAX: i64> PartialSchema for Integer<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        schema::integer(MIN, MAX).into()
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for Integer<MIN, MAX> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Integer".into()
    }
}

/// The id of a token, from 0 to 4294967295.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TokenId(pub u32);

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(IntegerVisitor)?;
        narrow(value).map(Self)
    }
}

impl PartialSchema for TokenId {
    fn schema() -> RefOr<Schema> {
        schema::integer(0, U32_MAX).title(Some("TokenId")).description(Some("The id of a token.")).into()
    }
}

impl ToSchema for TokenId {}

/// Fits the value into the type of token ids, or tells which bound it is beyond.
pub(crate) fn narrow<E: Error>(value: i128) -> Result<u32, E> {
    let value = within(value, 0, U32_MAX)?;
    Ok(u32::try_from(value).expect("it is in the range"))
}

/// The value, if it lies in the range; else which bound it is beyond.
fn within<E: Error>(value: i128, min: i64, max: i64) -> Result<i64, E> {
    match i64::try_from(value) {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => {
            let beyond =
                if value < min.into() { format!("integer below {min}") } else { format!("integer above {max}") };
            Err(E::invalid_value(Unexpected::Other(&beyond), &"an integer in range"))
        }
    }
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
        let small = |text| serde_json::from_str::<Integer<-1, 20>>(text).map_err(|error| error.to_string());
        assert_eq!((small("-1"), small("20")), (Ok(Integer(-1)), Ok(Integer(20))));
        assert!(small("-2").unwrap_err().starts_with("invalid value: integer below -1"));
        assert!(small("21").unwrap_err().starts_with("invalid value: integer above 20"));
    }
}
