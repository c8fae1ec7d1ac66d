//! Typed reading of a JSON object's fields; every error names file and field. `null` is the same as absent.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::range;
use crate::error::LoadError;

/// The fields of an object in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonFields<'a> {
    path: &'a Path,
    /// The field that holds this object, if it is not the whole file.
    parent: Option<&'a str>,
    fields: &'a Map<String, Value>,
}

/// A parsed file that holds one object.
#[derive(Debug)]
pub(crate) struct JsonFile {
    pub(crate) path: PathBuf,
    pub(crate) object: Map<String, Value>,
}

impl JsonFile {
    /// Parses the file's bytes; a field that stands there twice is an error.
    pub(crate) fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, LoadError> {
        match serde_json::from_slice::<UniqueFields>(bytes) {
            Ok(UniqueFields(object)) => Ok(Self { path, object }),
            Err(error) => Err(LoadError::file(&path, error.to_string())),
        }
    }

    pub(crate) fn fields(&self) -> JsonFields<'_> {
        JsonFields { path: &self.path, parent: None, fields: &self.object }
    }
}

impl<'a> JsonFields<'a> {
    pub(crate) fn error(&self, field: &str, reason: impl Into<String>) -> LoadError {
        match self.parent {
            Some(parent) => LoadError::field(self.path, &format!("{parent}.{field}"), reason),
            None => LoadError::field(self.path, field, reason),
        }
    }

    /// The names of the fields that are set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    /// Whether the field stands there, be it as `null`.
    pub(crate) fn names_field(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn object(&self, field: &'a str) -> Result<Option<Self>, LoadError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        let fields = value.as_object().ok_or_else(|| self.error(field, "is not an object"))?;
        Ok(Some(Self { path: self.path, parent: Some(field), fields }))
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, LoadError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        value.as_str().map(Some).ok_or_else(|| self.error(field, "is not a text"))
    }

    pub(crate) fn bool(&self, field: &str) -> Result<Option<bool>, LoadError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| self.error(field, "is not true or false"))
    }

    pub(crate) fn number(&self, field: &str) -> Result<Option<f64>, LoadError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        value.as_f64().map(Some).ok_or_else(|| self.error(field, format!("{} is not a number", brief(value))))
    }

    pub(crate) fn optional_count(&self, field: &str, allowed: RangeInclusive<u64>) -> Result<Option<usize>, LoadError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        let number = value.as_u64();
        let number = number.ok_or_else(|| self.error(field, format!("{} is not a whole number", brief(value))))?;
        let number = range::whole(number, allowed).map_err(|reason| self.error(field, reason))?;
        Ok(Some(number as usize))
    }

    pub(crate) fn count(&self, field: &str, allowed: RangeInclusive<u64>) -> Result<usize, LoadError> {
        self.optional_count(field, allowed)?.ok_or_else(|| self.missing(field))
    }

    /// A number that `judge` accepts.
    pub(crate) fn judged<T>(
        &self,
        field: &str,
        judge: impl FnOnce(f64) -> Result<T, String>,
    ) -> Result<Option<T>, LoadError> {
        let number = self.number(field)?;
        number.map(judge).transpose().map_err(|reason| self.error(field, reason))
    }

    pub(crate) fn missing(&self, field: &str) -> LoadError {
        self.error(field, "is missing")
    }
}

/// A value as it may stand in an error line.
fn brief(value: &Value) -> String {
    crate::error::shown(&value.to_string())
}

struct UniqueFields(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueFieldsVisitor)
    }
}

struct UniqueFieldsVisitor;

impl<'de> Visitor<'de> for UniqueFieldsVisitor {
    type Value = UniqueFields;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<UniqueFields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "field '{}' stands in the file twice",
                    crate::error::shown(&name)
                )));
            }
            fields.insert(name, value);
        }
        Ok(UniqueFields(fields))
    }
}
