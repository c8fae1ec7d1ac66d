//! The metadata of a GGUF file: the keys that are used, with their values; of the others only the names.
//!
//! Invariant: what is stored of a value takes no more bytes than it has in the file.

use std::collections::BTreeMap;
use std::io::{BufRead, Seek};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::byte_reader::{ByteReader, Reason};
use crate::config::families::Family;
use crate::config::range;
use crate::error::LoadError;

const MAX_KEY_BYTES: u64 = 1 << 16;
const MAX_TEXT_BYTES: u64 = 1 << 20;
const MAX_NESTING: usize = 4;
const LIST_KEYS: [&str; 4] =
    ["tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.merges"];
const USED_KEYS: [&str; 3] = ["general.architecture", "general.alignment", "tokenizer.chat_template"];

/// Keys and values; the file's name for errors.
#[derive(Debug)]
pub(crate) struct Metadata {
    path: PathBuf,
    values: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq)]
enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(PackedTexts),
    Floats(Vec<f32>),
    Integers(Vec<u32>),
    /// A list that is not used, or any value of a key that is not.
    Skipped,
}

/// Many strings in one buffer: a separate one each would cost several times the file's bytes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PackedTexts {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl PackedTexts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The strings, one after the other, or the number of one that is not UTF-8.
    pub(crate) fn to_strings(&self) -> Result<Vec<String>, usize> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&end| end as usize));
        let pieces = starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end as usize]);
        pieces.enumerate().map(|(index, piece)| String::from_utf8(piece.to_vec()).map_err(|_| index)).collect()
    }
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
        let value = read_value(reader, &key).map_err(|reason| LoadError::metadata(path, &key, reason))?;
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

    fn missing(&self, key: &str) -> LoadError {
        self.error(key, "is missing")
    }
}

fn read_value<R: BufRead + Seek>(reader: &mut ByteReader<R>, key: &str) -> Result<Value, Reason> {
    let type_id = reader.u32()?;
    if !is_used(key) {
        skip_value(reader, type_id, MAX_NESTING)?;
        return Ok(Value::Skipped);
    }
    match type_id {
        TEXT => Ok(Value::Text(reader.text(MAX_TEXT_BYTES)?)),
        LIST if LIST_KEYS.contains(&key) => read_list(reader),
        LIST => skip_list(reader, MAX_NESTING).map(|()| Value::Skipped),
        _ => read_scalar(reader, type_id),
    }
}

fn is_used(key: &str) -> bool {
    let namespace = key.split('.').next().unwrap_or(key);
    USED_KEYS.contains(&key) || key.starts_with("tokenizer.ggml.") || Family::of_gguf(namespace).is_some()
}

fn read_scalar<R: BufRead + Seek>(reader: &mut ByteReader<R>, type_id: u32) -> Result<Value, Reason> {
    Ok(match type_id {
        0 => Value::Unsigned(u8::from_le_bytes(reader.array()?).into()),
        1 => Value::Signed(i8::from_le_bytes(reader.array()?).into()),
        2 => Value::Unsigned(u16::from_le_bytes(reader.array()?).into()),
        3 => Value::Signed(i16::from_le_bytes(reader.array()?).into()),
        UINT32 => Value::Unsigned(reader.u32()?.into()),
        INT32 => Value::Signed(i32::from_le_bytes(reader.array()?).into()),
        FLOAT32 => Value::Float(f32::from_le_bytes(reader.array()?).into()),
        BOOL => match reader.array()? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(format!("{other} is not true or false")),
        },
        10 => Value::Unsigned(reader.u64()?),
        11 => Value::Signed(i64::from_le_bytes(reader.array()?)),
        12 => Value::Float(f64::from_le_bytes(reader.array()?)),
        other => return Err(unknown_type(other)),
    })
}

fn read_list<R: BufRead + Seek>(reader: &mut ByteReader<R>) -> Result<Value, Reason> {
    /// Vocabularies end at 2^21; merges, the longest list, may be a few times as many.
    const MAX_LENGTH: u64 = 1 << 23;
    let element_type = reader.u32()?;
    let count = reader.count("elements", least_bytes(element_type)?)?;
    if count > MAX_LENGTH {
        return Err(format!("{count} elements, limit {MAX_LENGTH}"));
    }
    match element_type {
        TEXT => read_texts(reader, count).map(Value::Texts),
        FLOAT32 => {
            (0..count).map(|_| reader.array().map(f32::from_le_bytes)).collect::<Result<_, _>>().map(Value::Floats)
        }
        UINT32 | INT32 => (0..count).map(|_| reader.u32()).collect::<Result<_, _>>().map(Value::Integers),
        other => Err(format!("a list of type {other} is not expected here")),
    }
}

fn read_texts<R: BufRead + Seek>(reader: &mut ByteReader<R>, count: u64) -> Result<PackedTexts, Reason> {
    let mut texts = PackedTexts { text: Vec::new(), ends: Vec::with_capacity(count as usize) };
    for _ in 0..count {
        reader.append(&mut texts.text)?;
        let end = u32::try_from(texts.text.len()).map_err(|_| "texts have 4 GiB or more together".to_owned())?;
        texts.ends.push(end);
    }
    Ok(texts)
}

fn skip_value<R: BufRead + Seek>(reader: &mut ByteReader<R>, type_id: u32, nesting: usize) -> Result<(), Reason> {
    match type_id {
        TEXT => {
            let length = reader.u64()?;
            reader.skip(length)
        }
        LIST => skip_list(reader, nesting),
        other => reader.skip(least_bytes(other)?),
    }
}

fn skip_list<R: BufRead + Seek>(reader: &mut ByteReader<R>, nesting: usize) -> Result<(), Reason> {
    if nesting == 0 {
        return Err(format!("lists are nested deeper than {MAX_NESTING}"));
    }
    let element_type = reader.u32()?;
    let size = least_bytes(element_type)?;
    let count = reader.count("elements", size)?;
    if element_type == TEXT || element_type == LIST {
        return (0..count).try_for_each(|_| skip_value(reader, element_type, nesting - 1));
    }
    reader.skip(count * size)
}

const UINT32: u32 = 4;
const INT32: u32 = 5;
const FLOAT32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// The size of a value, or for texts and lists the least.
fn least_bytes(type_id: u32) -> Result<u64, Reason> {
    match type_id {
        0 | 1 | BOOL => Ok(1),
        2 | 3 => Ok(2),
        UINT32 | INT32 | FLOAT32 => Ok(4),
        TEXT | 10..=12 => Ok(8),
        LIST => Ok(12),
        other => Err(unknown_type(other)),
    }
}

fn unknown_type(type_id: u32) -> Reason {
    format!("value type {type_id} does not exist")
}
