//! Lists with a fixed cap: reading stops at it, so nothing grows past it.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};

/// At most `MAX` items.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData)).map(Self)
    }
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
    }
}
