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
/// One byte for each number, and no weight: old files hold causal masks of these types, which are passed over.
const MASK_TYPES: [&str; 2] = ["BOOL", "U8"];

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
    let (mut tensors, mut places) = (Vec::new(), Vec::new());
    for (name, entry) in &entries.0 {
        if MASK_TYPES.contains(&entry.dtype.as_str()) {
            let place = mask_place(entry, data_start);
            places.push((place.map_err(|reason| LoadError::tensor(file.path(), name, reason))?, name));
        } else {
            let tensor = tensor(file, name, entry, data_start)?;
            places.push((tensor.place(), name));
            tensors.push(tensor);
        }
    }
    check_cover(&mut places, file, data_start)?;
    Ok(Header { tensors, data_start })
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

/// The bytes of the file that a mask takes.
fn mask_place(entry: &Entry, data_start: u64) -> Result<Range<u64>, String> {
    let ([start, end], shape) = (entry.data_offsets, &entry.shape.0);
    let bytes = shape.iter().try_fold(1_u64, |product, &dimension| product.checked_mul(dimension));
    if bytes.is_none() || start.checked_add(bytes.unwrap_or(0)) != Some(end) {
        return Err(format!("shape {shape:?} of {} is not its place {start}..{end}", entry.dtype));
    }
    let end = end.checked_add(data_start).ok_or_else(|| format!("offset {end} overflows"))?;
    Ok(start + data_start..end)
}

/// Tensors follow each other from the first byte of the data to the last.
fn check_cover(places: &mut [(Range<u64>, &String)], file: &ModelFile, data_start: u64) -> Result<(), LoadError> {
    places.sort_by_key(|(place, _)| (place.start, place.end));
    let mut expected = data_start;
    for (place, name) in places {
        if place.start != expected {
            let reason = format!("begins at offset {}, expected {}", place.start - data_start, expected - data_start);
            return Err(LoadError::tensor(file.path(), name, reason));
        }
        expected = place.end;
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
