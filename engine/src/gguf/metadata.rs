//! The metadata of a GGUF file: the keys that are used, with their values; of the others only the names.

use std::collections::BTreeMap;
use std::io::{BufRead, Seek};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::byte_reader::ByteReader;
use super::value::{PackedTexts, Value};
use crate::config::encoder_families::EncoderFamily;
use crate::config::families::Family;
use crate::config::range;
use crate::error::LoadError;

const MAX_KEY_BYTES: u64 = 1 << 16;
/// Lists that are kept; the keys of the last two have a namespace.
const LIST_KEYS: [&str; 7] = [
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.precompiled_charsmap",
    "classifier.output_labels",
    "attention.sliding_window_pattern",
];
const USED_KEYS: [&str; 3] = ["general.architecture", "general.alignment", "tokenizer.chat_template"];

/// Keys and values; the file's name for errors.
#[derive(Debug)]
pub(crate) struct Metadata {
    path: PathBuf,
    values: BTreeMap<String, Value>,
}

/// Reads `count` keys with their values.
pub(crate) fn read<R: BufRead + Seek>(
    reader: &mut ByteReader<R>,
    count: u64,
    path: &Path,
) -> Result<Metadata, LoadError> {
    let mut values = BTreeMap::new();
    for index in 0..count {
        let key = reader.text(MAX_KEY_BYTES);
        let key = key.map_err(|reason| LoadError::file(path, format!("metadata key {index}: {reason}")))?;
        let value = if is_used(&key) { Value::read(reader, is_kept_list(&key)) } else { Value::skip(reader) };
        let value = value.map_err(|reason| LoadError::metadata(path, &key, reason))?;
        if values.contains_key(&key) {
            return Err(LoadError::metadata(path, &key, "stands in the file twice"));
        }
        values.insert(key, value);
    }
    Ok(Metadata { path: path.to_owned(), values })
}

impl Metadata {
    /// The error that names this key.
    pub(crate) fn error(&self, key: &str, reason: impl Into<String>) -> LoadError {
        LoadError::metadata(&self.path, key, reason)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, LoadError> {
        self.optional_text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&str>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(key, "is not a text")),
        }
    }

    pub(crate) fn count(&self, key: &str, allowed: RangeInclusive<u64>) -> Result<usize, LoadError> {
        self.optional_count(key, allowed)?.map(|value| value as usize).ok_or_else(|| self.missing(key))
    }

    pub(crate) fn optional_count(&self, key: &str, allowed: RangeInclusive<u64>) -> Result<Option<u64>, LoadError> {
        let value = match self.values.get(key) {
            None => return Ok(None),
            Some(&Value::Unsigned(value)) => value,
            Some(&Value::Signed(value)) => {
                u64::try_from(value).map_err(|_| self.error(key, format!("{value} is negative")))?
            }
            Some(_) => return Err(self.error(key, "is not a whole number")),
        };
        range::whole(value, allowed).map(Some).map_err(|reason| self.error(key, reason))
    }

    pub(crate) fn optional_number(&self, key: &str) -> Result<Option<f64>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(&Value::Float(value)) => Ok(Some(value)),
            Some(&Value::Unsigned(value)) => Ok(Some(value as f64)),
            Some(&Value::Signed(value)) => Ok(Some(value as f64)),
            Some(_) => Err(self.error(key, "is not a number")),
        }
    }

    pub(crate) fn optional_bool(&self, key: &str) -> Result<Option<bool>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(&Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.error(key, "is not true or false")),
        }
    }

    pub(crate) fn optional_texts(&self, key: &str) -> Result<Option<&PackedTexts>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Texts(texts)) => Ok(Some(texts)),
            Some(_) => Err(self.error(key, "is not a list of texts")),
        }
    }

    pub(crate) fn optional_floats(&self, key: &str) -> Result<Option<&[f32]>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Floats(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(key, "is not a list of 32-bit floats")),
        }
    }

    pub(crate) fn optional_integers(&self, key: &str) -> Result<Option<&[u32]>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Integers(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(key, "is not a list of 32-bit integers")),
        }
    }

    pub(crate) fn optional_bytes(&self, key: &str) -> Result<Option<&[u8]>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Bytes(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(key, "is not a list of bytes")),
        }
    }

    /// The list of this key, if it is one of such values.
    pub(crate) fn list_of_bools(&self, key: &str) -> Option<&[bool]> {
        match self.values.get(key) {
            Some(Value::Bools(values)) => Some(values),
            _ => None,
        }
    }

    fn missing(&self, key: &str) -> LoadError {
        self.error(key, "is missing")
    }
}

fn is_used(key: &str) -> bool {
    let namespace = key.split('.').next().unwrap_or(key);
    let is_model = || Family::of_gguf(namespace).is_some() || EncoderFamily::of_gguf(namespace, true).is_some();
    USED_KEYS.contains(&key) || key.starts_with("tokenizer.ggml.") || is_model()
}

fn is_kept_list(key: &str) -> bool {
    let without_namespace = key.split_once('.').map_or(key, |(_, rest)| rest);
    LIST_KEYS.iter().any(|&list| list == key || list == without_namespace)
}
