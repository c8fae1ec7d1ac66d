//! Numbers within bounds, which are whole numbers.
//!
//! One beyond them fails with a message that begins `invalid value: decimal above` or `... below` and its bound, or
//! `... not above 0`.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};
use utoipa::{
    Number, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// A number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Decimal<const MIN: i32, const MAX: i32>(pub f64);

/// A number above 0 and at most `MAX`: at least 1e-45, below which 32 bits hold nothing but 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct PositiveDecimal<const MAX: i32>(pub f64);

/// The least number above 0.
const LEAST: f64 = 1e-45;

impl<'de, const MIN: i32, const MAX: i32> Deserialize<'de> for Decimal<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = at_most(f64::deserialize(deserializer)?, MAX)?;
        if value >= f64::from(MIN) { Ok(Self(value)) } else { Err(beyond(&format!("below {MIN}"))) }
    }
}

impl<'de, const MAX: i32> Deserialize<'de> for PositiveDecimal<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = at_most(f64::deserialize(deserializer)?, MAX)?;
        if value >= LEAST { Ok(Self(value)) } else { Err(beyond("not above 0")) }
    }
}

fn at_most<E: Error>(value: f64, max: i32) -> Result<f64, E> {
    if value <= f64::from(max) { Ok(value) } else { Err(beyond(&format!("above {max}"))) }
}

fn beyond<E: Error>(words: &str) -> E {
    E::invalid_value(Unexpected::Other(&format!("decimal {words}")), &"a number in range")
}

fn number(least: f64, most: i32) -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Number);
    number.minimum(Some(Number::Float(least))).maximum(Some(Number::Float(most.into()))).into()
}

impl<const MIN: i32, const MAX: i32> PartialSchema for Decimal<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        number(MIN.into(), MAX)
    }
}

impl<const MIN: i32, const MAX: i32> ToSchema for Decimal<MIN, MAX> {}

impl<const MAX: i32> PartialSchema for PositiveDecimal<MAX> {
    fn schema() -> RefOr<Schema> {
        number(LEAST, MAX)
    }
}

impl<const MAX: i32> ToSchema for PositiveDecimal<MAX> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_beyond_the_bounds_name_them() {
        assert_eq!(read("-2"), Ok(Decimal::<-2, 2>(-2.0)));
        assert_eq!(read("2.0"), Ok(Decimal::<-2, 2>(2.0)));
        assert!(read::<Decimal<-2, 2>>("2.0000001").unwrap_err().starts_with("invalid value: decimal above 2,"));
        assert!(read::<Decimal<-2, 2>>("-1e300").unwrap_err().starts_with("invalid value: decimal below -2,"));
        assert_eq!(read("1e-45"), Ok(PositiveDecimal::<1>(1e-45)));
        assert!(read::<PositiveDecimal<1>>("1e-60").unwrap_err().starts_with("invalid value: decimal not above 0,"));
        assert!(read::<PositiveDecimal<1>>("\"1\"").unwrap_err().starts_with("invalid type: "));
    }
}
