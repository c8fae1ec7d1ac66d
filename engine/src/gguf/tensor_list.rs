//! The list of tensors in a GGUF header: names, shapes, types, offsets, as claims.

use std::io::{BufRead, Seek};
use std::path::Path;

use super::byte_reader::{ByteReader, Reason};
use crate::block_type::BlockType;
use crate::error::LoadError;
use crate::stored_tensor::TensorClaim;

const MAX_DIMENSIONS: u32 = 4;
const MAX_NAME_BYTES: u64 = 1 << 10;

/// Reads `count` entries; shapes come out outermost dimension first, offsets as the file has them.
pub(crate) fn read<R: BufRead + Seek>(
    reader: &mut ByteReader<R>,
    count: u64,
    path: &Path,
) -> Result<Vec<TensorClaim>, LoadError> {
    (0..count)
        .map(|index| {
            let name = reader.text(MAX_NAME_BYTES);
            let name = name.map_err(|reason| LoadError::file(path, format!("name of tensor {index}: {reason}")))?;
            read_entry(reader, &name).map_err(|reason| LoadError::tensor(path, &name, reason))
        })
        .collect()
}

fn read_entry<R: BufRead + Seek>(reader: &mut ByteReader<R>, name: &str) -> Result<TensorClaim, Reason> {
    let dimensions = reader.u32()?;
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(format!("{dimensions} dimensions are not in 1..={MAX_DIMENSIONS}"));
    }
    let mut shape = (0..dimensions).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
    shape.reverse();
    let block_type = BlockType::from_ggml(reader.u32()?)?;
    Ok(TensorClaim { name: name.to_owned(), block_type, shape, offset: reader.u64()? })
}
