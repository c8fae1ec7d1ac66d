//! The header of a safetensors file: a length, a JSON object, then the tensors' bytes without a hole.
//!
//! The format is github.com/huggingface/safetensors. Its own crate parses whole files in memory and keeps the last of
//! two tensors of one name; here the header alone is read, and repetition is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::block_type::BlockType;
use crate::error::{LoadError, shown};
use crate::model_file::ModelFile;
use crate::stored_tensor::{StoredTensor, TensorClaim};

const MAX_HEADER_BYTES: u64 = 100_000_000;
const LENGTH_BYTES: u64 = 8;
/// The tensors of a file, checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) tensors: Vec<StoredTensor>,
    pub(super) data_start: u64,
}

/// Reads and checks the header.
pub(super) fn read(file: &Arc<ModelFile>) -> Result<Header, LoadError> {
    let bytes = read_bytes(file)?;
    let data_start = LENGTH_BYTES + bytes.len() as u64;
    let entries: Entries =
        serde_json::from_slice(&bytes).map_err(|error| LoadError::file(file.path(), format!("header: {error}")))?;
    let mut stored = Vec::with_capacity(entries.0.len());
    for (name, entry) in &entries.0 {
        stored.push(match integer_bytes(&entry.dtype) {
            Some(bytes) => integers(file, name, (entry, bytes), data_start)?,
            None => Stored::Tensor(tensor(file, name, entry, data_start)?),
        });
    }
    check_cover(&mut stored, file, data_start)?;
    let tensor = |stored| if let Stored::Tensor(tensor) = stored { Some(tensor) } else { None };
    Ok(Header { tensors: stored.into_iter().filter_map(tensor).collect(), data_start })
}

/// What a file holds: tensors, and integers, which are no weights and are passed over: lists of positions, causal masks.
enum Stored {
    Tensor(StoredTensor),
    Integers { name: String, place: Range<u64> },
}

impl Stored {
    fn place(&self) -> Range<u64> {
        match self {
            Self::Tensor(tensor) => tensor.place(),
            Self::Integers { place, .. } => place.clone(),
        }
    }

    fn error(&self, file: &ModelFile, reason: String) -> LoadError {
        match self {
            Self::Tensor(tensor) => tensor.error(reason),
            Self::Integers { name, .. } => LoadError::tensor(file.path(), name, reason),
        }
    }
}

/// Bytes of an integer of this type.
fn integer_bytes(dtype: &str) -> Option<u64> {
    match dtype {
        "I64" | "U64" => Some(8),
        "I32" | "U32" => Some(4),
        "I16" | "U16" => Some(2),
        "I8" | "U8" | "BOOL" => Some(1),
        _ => None,
    }
}

fn integers(
    file: &ModelFile,
    name: &str,
    (entry, bytes_each): (&Entry, u64),
    data_start: u64,
) -> Result<Stored, LoadError> {
    let [start, end] = entry.data_offsets;
    let bytes = entry.shape.0.iter().try_fold(bytes_each, |bytes, &dimension| bytes.checked_mul(dimension));
    let place = start.checked_add(data_start).zip(end.checked_add(data_start));
    match place {
        Some((first, last)) if bytes.is_some() && end.checked_sub(start) == bytes && last <= file.len() => {
            Ok(Stored::Integers { name: name.to_owned(), place: first..last })
        }
        _ => {
            let reason = format!("shape {:?} of {} is not its place {start}..{end}", entry.shape.0, entry.dtype);
            Err(LoadError::tensor(file.path(), name, reason))
        }
    }
}

fn read_bytes(file: &ModelFile) -> Result<Vec<u8>, LoadError> {
    let mut length = [0; LENGTH_BYTES as usize];
    if file.len() < LENGTH_BYTES {
        return Err(LoadError::file(file.path(), format!("has {} bytes, too few for a header", file.len())));
    }
    file.read_at(&mut length, 0)?;
    let length = u64::from_le_bytes(length);
    let possible = (file.len() - LENGTH_BYTES).min(MAX_HEADER_BYTES);
    if length > possible {
        return Err(LoadError::file(file.path(), format!("header of {length} bytes, at most {possible} are possible")));
    }
    let mut bytes = vec![0; length as usize];
    file.read_at(&mut bytes, LENGTH_BYTES)?;
    Ok(bytes)
}

fn tensor(file: &Arc<ModelFile>, name: &str, entry: &Entry, data_start: u64) -> Result<StoredTensor, LoadError> {
    let fail = |reason| LoadError::tensor(file.path(), name, reason);
    let block_type = BlockType::from_safetensors(&entry.dtype)
        .ok_or_else(|| fail(format!("type {} is not supported; supported: F32, F16, BF16", shown(&entry.dtype))))?;
    let [start, end] = entry.data_offsets;
    let offset = start.checked_add(data_start).ok_or_else(|| fail(format!("offset {start} overflows")))?;
    let claim = TensorClaim { name: name.to_owned(), block_type, shape: entry.shape.0.clone(), offset };
    let tensor = StoredTensor::new(file, &claim)?;
    let bytes = tensor.place().end - tensor.place().start;
    if start.checked_add(bytes) != Some(end) {
        return Err(fail(format!("shape {:?} needs {bytes} bytes, its place is {start}..{end}", tensor.shape())));
    }
    Ok(tensor)
}

/// Tensors follow each other from the first byte of the data to the last.
fn check_cover(tensors: &mut [Stored], file: &ModelFile, data_start: u64) -> Result<(), LoadError> {
    tensors.sort_by_key(|tensor| tensor.place().start);
    let mut expected = data_start;
    for tensor in tensors {
        if tensor.place().start != expected {
            let offset = tensor.place().start - data_start;
            return Err(tensor.error(file, format!("begins at offset {offset}, expected {}", expected - data_start)));
        }
        expected = tensor.place().end;
    }
    if expected != file.len() {
        return Err(LoadError::file(file.path(), format!("tensors end at byte {expected}, file has {}", file.len())));
    }
    Ok(())
}

/// Tensors by name; `__metadata__` is passed over.
struct Entries(BTreeMap<String, Entry>);

#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Shape,
    data_offsets: [u64; 2],
}

/// Four dimensions at most: a header cannot make a long list out of short text.
struct Shape(Vec<u64>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let entry = map.next_value().map_err(|error| A::Error::custom(format!("'{}': {error}", shown(&name))))?;
            if entries.contains_key(&name) {
                return Err(A::Error::custom(format!("tensor '{}' stands in the file twice", shown(&name))));
            }
            entries.insert(name, entry);
        }
        Ok(Entries(entries))
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a list of at most 4 dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut dimensions: A) -> Result<Shape, A::Error> {
        let mut shape = Vec::new();
        while let Some(dimension) = dimensions.next_element()? {
            if shape.len() == 4 {
                return Err(A::Error::custom("a tensor has more than 4 dimensions"));
            }
            shape.push(dimension);
        }
        Ok(Shape(shape))
    }
}
