//! Objects whose member names are data. Each keeps at most one entry past its cap: enough to refuse it, never more.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use utoipa::{
    Number, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::{
    Text,
    schema::{self, Received},
};

/// `logit_bias`: token ids, as strings, and what to add to their logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitBias(pub Vec<(String, f64)>);

impl LogitBias {
    /// Entries allowed.
    pub const MAX: usize = 1024;
    /// A bias is at most this, and at least the same below 0.
    pub const MAX_BIAS: f32 = 100.0;
}

/// `metadata`: pairs of strings, not looked into.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(pub Vec<(String, Text)>);

impl Metadata {
    /// Pairs allowed.
    pub const MAX: usize = 16;
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 64;
    /// Longest value, in characters.
    pub const MAX_VALUE: usize = 512;
}

/// Any object, not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnyObject;

impl<'de> Deserialize<'de> for LogitBias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor { keep: Self::MAX + 1, values: PhantomData }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor { keep: Self::MAX + 1, values: PhantomData }).map(Self)
    }
}

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = PairsVisitor::<IgnoredAny> { keep: 0, values: PhantomData };
        deserializer.deserialize_map(visitor).map(|_| Self)
    }
}

impl Serialize for LogitBias {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pairs(&self.0, serializer)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pairs(&self.0, serializer)
    }
}

impl PartialSchema for LogitBias {
    fn schema() -> RefOr<Schema> {
        let most = f64::from(Self::MAX_BIAS);
        let bias = ObjectBuilder::new().schema_type(Type::Number);
        let bias = bias.minimum(Some(Number::Float(-most))).maximum(Some(Number::Float(most)));
        pairs(schema::string().pattern(Some("^(0|[1-9][0-9]{0,9})$")), bias, Self::MAX).into()
    }
}

impl ToSchema for LogitBias {}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let value = schema::string().max_length(Some(Self::MAX_VALUE));
        pairs(schema::string().max_length(Some(Self::MAX_NAME)), value, Self::MAX).into()
    }
}

impl ToSchema for Metadata {}

/// An object of so many pairs.
fn pairs(name: ObjectBuilder, value: ObjectBuilder, max: usize) -> ObjectBuilder {
    let pairs = ObjectBuilder::new().schema_type(Type::Object).property_names(Some(name));
    pairs.additional_properties(Some(value)).max_properties(Some(max))
}

impl Received for AnyObject {
    fn schema() -> RefOr<Schema> {
        schema::nullable(ObjectBuilder::new().schema_type(Type::Object).into())
    }
}

/// Writes an object in the order of the pairs.
pub(crate) fn write_pairs<T: Serialize, S: Serializer>(
    pairs: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Reads an object as pairs and passes over what comes after `keep` of them.
pub(crate) struct PairsVisitor<T> {
    pub(crate) keep: usize,
    pub(crate) values: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Vec<(String, T)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while pairs.len() < self.keep {
            match map.next_entry()? {
                Some(pair) => pairs.push(pair),
                None => return Ok(pairs),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_past_the_cap_is_kept_and_no_more() {
        let pairs: Vec<String> = (0..LogitBias::MAX + 50).map(|id| format!("\"{id}\":1")).collect();
        let bias: LogitBias = serde_json::from_str(&format!("{{{}}}", pairs.join(","))).unwrap();
        assert_eq!(bias.0.len(), LogitBias::MAX + 1);
    }

    #[test]
    fn any_object_is_an_object() {
        assert!(serde_json::from_str::<AnyObject>("{\"a\":[1]}").is_ok());
        assert!(serde_json::from_str::<AnyObject>("[]").is_err());
    }
}
