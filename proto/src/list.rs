//! Lists with fixed bounds: reading stops at the cap, so nothing grows past it.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, schema::ArrayBuilder},
};

use crate::schema;

/// From `MIN` to `MAX` items.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MAX: usize, const MIN: usize = 0>(pub Vec<T>);

impl<T, const MAX: usize, const MIN: usize> Default for List<T, MAX, MIN> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize, const MIN: usize> Deref for List<T, MAX, MIN> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize, const MIN: usize> Deserialize<'de> for List<T, MAX, MIN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData))?;
        if items.len() < MIN { Err(too_few(items.len())) } else { Ok(Self(items)) }
    }
}

impl<T: ToSchema, const MAX: usize, const MIN: usize> PartialSchema for List<T, MAX, MIN> {
    fn schema() -> RefOr<Schema> {
        of_items(schema::used::<T>(), MIN, Some(MAX)).into()
    }
}

impl<T: ToSchema, const MAX: usize, const MIN: usize> ToSchema for List<T, MAX, MIN> {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<T>(components);
    }
}

/// The schema of a list.
pub(crate) fn of_items(items: RefOr<Schema>, min: usize, max: Option<usize>) -> ArrayBuilder {
    ArrayBuilder::new().items(items).min_items((min > 0).then_some(min)).max_items(max)
}

/// A list is shorter than it may be.
pub(crate) fn too_few<E: Error>(items: usize) -> E {
    E::invalid_length(items, &"at least one item")
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        read_rest(&mut items, &mut seq, MAX)?;
        Ok(items)
    }
}

/// Appends what is left of the sequence; an item past `max` in all is an `invalid length`.
pub(crate) fn read_rest<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    items: &mut Vec<T>,
    seq: &mut A,
    max: usize,
) -> Result<(), A::Error> {
    while items.len() < max {
        match seq.next_element()? {
            Some(item) => items.push(item),
            None => return Ok(()),
        }
    }
    match seq.next_element::<IgnoredAny>()? {
        Some(_) => Err(A::Error::invalid_length(max + 1, &AtMost(max))),
        None => Ok(()),
    }
}

/// The first item and what is left of the sequence, at most `max` in all.
pub(crate) fn with_rest<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    first: T,
    seq: &mut A,
    max: usize,
) -> Result<Vec<T>, A::Error> {
    let mut items = vec![first];
    read_rest(&mut items, seq, max)?;
    Ok(items)
}

struct AtMost(usize);

impl serde::de::Expected for AtMost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {} items", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_is_exact() {
        assert!(serde_json::from_str::<List<u8, 2>>("[1,2]").is_ok());
        let error = serde_json::from_str::<List<u8, 2>>("[1,2,3]").unwrap_err().to_string();
        assert!(error.starts_with("invalid length 3, expected at most 2 items"), "{error}");
        let error = serde_json::from_str::<List<u8, 2, 1>>("[]").unwrap_err().to_string();
        assert!(error.starts_with("invalid length 0, expected at least one item"), "{error}");
    }
}
