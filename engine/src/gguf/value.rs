//! A value of GGUF metadata, as it is read: kept, or read over.
//!
//! Invariant: what is kept of a value takes no more bytes than it has in the file.

use std::io::{BufRead, Seek};

use super::byte_reader::{ByteReader, Reason};

const MAX_TEXT_BYTES: u64 = 1 << 20;
const MAX_NESTING: usize = 4;

/// A value of one of the types that are told apart.
#[derive(Debug, PartialEq)]
pub(crate) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(PackedTexts),
    Floats(Vec<f32>),
    Integers(Vec<u32>),
    Bools(Vec<bool>),
    Bytes(Vec<u8>),
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

    /// The strings' bytes, one after the other.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&end| end as usize));
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end as usize])
    }

    /// The strings, or the number of one that is not UTF-8.
    pub(crate) fn to_strings(&self) -> Result<Vec<String>, usize> {
        self.bytes().enumerate().map(|(index, text)| String::from_utf8(text.to_vec()).map_err(|_| index)).collect()
    }
}

impl Value {
    /// Reads a value; a list is read over unless it is to be kept.
    pub(crate) fn read<R: BufRead + Seek>(reader: &mut ByteReader<R>, keeps_list: bool) -> Result<Self, Reason> {
        match reader.u32()? {
            TEXT => Ok(Self::Text(reader.text(MAX_TEXT_BYTES)?)),
            LIST if keeps_list => read_list(reader),
            LIST => skip_list(reader, MAX_NESTING).map(|()| Self::Skipped),
            type_id => read_scalar(reader, type_id),
        }
    }

    /// Reads over a value.
    pub(crate) fn skip<R: BufRead + Seek>(reader: &mut ByteReader<R>) -> Result<Self, Reason> {
        let type_id = reader.u32()?;
        skip_value(reader, type_id, MAX_NESTING).map(|()| Self::Skipped)
    }
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
        BOOL => Value::Bool(read_bool(reader)?),
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
        0 | 1 => (0..count).map(|_| reader.array().map(|[byte]| byte)).collect::<Result<_, _>>().map(Value::Bytes),
        BOOL => (0..count).map(|_| read_bool(reader)).collect::<Result<_, _>>().map(Value::Bools),
        other => Err(format!("a list of type {other} is not expected here")),
    }
}

fn read_bool<R: BufRead + Seek>(reader: &mut ByteReader<R>) -> Result<bool, Reason> {
    match reader.array()? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(format!("{other} is not true or false")),
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
