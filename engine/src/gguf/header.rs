//! The header of a GGUF file, version 2 or 3: counts, metadata, tensor list.

use std::io::BufReader;
use std::path::Path;

use super::byte_reader::{ByteReader, Reason};
use super::metadata::{self, Metadata};
use super::tensor_list;
use crate::error::LoadError;
use crate::model_file::ModelFile;
use crate::stored_tensor::TensorClaim;

/// Real files have dozens of keys and a dozen tensors a layer; the bound keeps their bookkeeping small.
const MAX_ENTRIES: u64 = 1 << 16;

/// What the header says. The tensors are claims until [`crate::stored_tensor::StoredTensor::new`] checks them.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) metadata: Metadata,
    pub(crate) tensors: Vec<TensorClaim>,
    /// Where the header ends and, after padding, tensors begin.
    pub(crate) data_start: u64,
}

/// Reads and checks the header.
pub(crate) fn read(file: &ModelFile) -> Result<Header, LoadError> {
    let path = file.path();
    let mut reader = ByteReader::new(BufReader::with_capacity(1 << 18, file.file()), file.len());
    let (tensor_count, key_count) = read_counts(&mut reader).map_err(|reason| LoadError::file(path, reason))?;
    let metadata = metadata::read(&mut reader, key_count, path)?;
    let mut tensors = tensor_list::read(&mut reader, tensor_count, path)?;
    let alignment = alignment(&metadata, path)?;
    let data_start = reader.position().next_multiple_of(alignment);
    place_tensors(&mut tensors, alignment, data_start, path)?;
    Ok(Header { metadata, tensors, data_start })
}

fn read_counts<R: std::io::BufRead + std::io::Seek>(reader: &mut ByteReader<R>) -> Result<(u64, u64), Reason> {
    // the fewest bytes: a name's length, a type, a value of one byte; a name's length, a rank, a type, an offset
    const LEAST_KEY: u64 = 13;
    const LEAST_TENSOR: u64 = 24;
    if &reader.array::<4>()? != b"GGUF" {
        return Err("is not a GGUF file".to_owned());
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(format!("GGUF version {version} is not supported; supported: 2 and 3, little-endian"));
    }
    let tensor_count = reader.count("tensors", LEAST_TENSOR)?;
    let key_count = reader.count("metadata keys", LEAST_KEY)?;
    for (count, what) in [(tensor_count, "tensors"), (key_count, "metadata keys")] {
        if count > MAX_ENTRIES {
            return Err(format!("{count} {what}, limit {MAX_ENTRIES}"));
        }
    }
    Ok((tensor_count, key_count))
}

fn alignment(metadata: &Metadata, path: &Path) -> Result<u64, LoadError> {
    const KEY: &str = "general.alignment";
    let alignment = metadata.optional_count(KEY, 0..=u64::MAX)?.unwrap_or(32);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        let reason = format!("{alignment} is not a power of two up to {}", 1 << 20);
        return Err(LoadError::metadata(path, KEY, reason));
    }
    Ok(alignment)
}

/// Turns offsets within the data part into offsets within the file.
fn place_tensors(tensors: &mut [TensorClaim], alignment: u64, start: u64, path: &Path) -> Result<(), LoadError> {
    for tensor in tensors {
        let fail = |reason| LoadError::tensor(path, &tensor.name, reason);
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(fail(format!("offset {} is no multiple of the alignment {alignment}", tensor.offset)));
        }
        let offset = tensor.offset.checked_add(start);
        tensor.offset = offset.ok_or_else(|| fail(format!("offset {} overflows", tensor.offset)))?;
    }
    Ok(())
}
