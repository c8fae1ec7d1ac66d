//! A tensor as it lies in a file: where, how long, of which type. Its numbers are read when asked for.
//!
//! Invariant: made by [`StoredTensor::new`] only, which checks that type, shape and place agree and lie inside the file.

use std::ops::Range;
use std::sync::Arc;

use crate::block_type::BlockType;
use crate::dequantize::dequantize;
use crate::error::LoadError;
use crate::model_file::ModelFile;

/// One tensor of one file.
#[derive(Clone, Debug)]
pub(crate) struct StoredTensor {
    file: Arc<ModelFile>,
    name: Arc<str>,
    block_type: BlockType,
    shape: Vec<usize>,
    offset: u64,
    bytes: u64,
    layout: Layout,
}

/// How the file holds the rows of a tensor.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// One behind the other.
    Rows,
    /// As columns: the file has rows of so many numbers, of which each row here takes one.
    Columns(usize),
    /// So many behind each other, then others that are not of the tensor.
    Bands {
        rows: usize,
        /// From the first row of a band to that of the next.
        stride: usize,
    },
}

/// What a header says about a tensor; nothing of it is believed yet.
#[derive(Clone, Debug)]
pub(crate) struct TensorClaim {
    pub(crate) name: String,
    pub(crate) block_type: BlockType,
    /// Outermost dimension first: rows before columns.
    pub(crate) shape: Vec<u64>,
    /// First byte, counted from the start of the file.
    pub(crate) offset: u64,
}

impl StoredTensor {
    /// Checks a claim against the file; the error names file and tensor.
    pub(crate) fn new(file: &Arc<ModelFile>, claim: &TensorClaim) -> Result<Self, LoadError> {
        let fail = |reason| LoadError::tensor(file.path(), &claim.name, reason);
        let bytes = data_bytes(claim).map_err(fail)?;
        let end = claim.offset.checked_add(bytes);
        if end.is_none_or(|end| end > file.len()) {
            return Err(fail(format!("needs {bytes} bytes at offset {}, file has {}", claim.offset, file.len())));
        }
        Ok(Self {
            file: Arc::clone(file),
            name: claim.name.as_str().into(),
            block_type: claim.block_type,
            shape: claim.shape.iter().map(|&dimension| dimension as usize).collect(),
            offset: claim.offset,
            bytes,
            layout: Layout::Rows,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn block_type(&self) -> BlockType {
        self.block_type
    }

    /// Outermost dimension first.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The bytes of the file that the tensor takes.
    pub(crate) fn place(&self) -> Range<u64> {
        self.offset..self.offset + self.bytes
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> LoadError {
        LoadError::tensor(self.file.path(), &self.name, reason)
    }

    /// Some rows of a matrix, or numbers of a vector that are stored one by one, as a tensor of their own.
    pub(crate) fn cut(&self, rows: Range<usize>) -> Self {
        let (&all, columns) = self.shape.split_first().expect("a matrix or a vector");
        assert!(rows.end <= all, "rows {rows:?} of {all}");
        let bytes = |rows: usize| rows as u64 * self.bytes_to_next_row() as u64;
        Self {
            shape: [&[rows.len()], columns].concat(),
            offset: self.offset + bytes(rows.start),
            bytes: self.bytes - bytes(all - rows.len()),
            ..self.clone()
        }
    }

    /// Of every `stride` rows of a matrix, or numbers of a vector that are stored one by one, these, as a tensor of their own.
    pub(crate) fn bands(&self, stride: usize, band: Range<usize>) -> Self {
        let (&all, columns) = self.shape.split_first().expect("a matrix or a vector");
        assert!(matches!(self.layout, Layout::Rows), "rows behind each other");
        assert!(band.end <= stride && all.is_multiple_of(stride), "rows {band:?} of every {stride} of {all}");
        let bytes = |rows: usize| rows as u64 * self.bytes_to_next_row() as u64;
        Self {
            shape: [&[all / stride * band.len()], columns].concat(),
            offset: self.offset + bytes(band.start),
            bytes: self.bytes - bytes(stride - band.len()),
            layout: Layout::Bands { rows: band.len(), stride },
            ..self.clone()
        }
    }

    fn bytes_to_next_row(&self) -> usize {
        match (self.layout, self.shape.as_slice()) {
            (Layout::Rows, &[_, columns]) => self.row_bytes(columns),
            (Layout::Rows | Layout::Columns(_), _) => self.row_bytes(1),
            (Layout::Bands { .. }, _) => panic!("bands are not cut again"),
        }
    }

    /// The same numbers as a tensor of another shape; fails if the file does not have them as `from`.
    pub(crate) fn reshape(self, from: &[usize], to: &[usize]) -> Result<Self, LoadError> {
        assert_eq!(from.iter().product::<usize>(), to.iter().product::<usize>(), "as many numbers");
        if self.shape != from {
            return Err(self.error(format!("shape {:?} is not {from:?}, outermost dimension first", self.shape)));
        }
        Ok(Self { shape: to.to_vec(), ..self })
    }

    /// The matrix whose columns are the rows that the file holds; fails if this is no matrix of single numbers.
    pub(crate) fn transpose(self) -> Result<Self, LoadError> {
        match *self.shape {
            [rows, columns] if self.block_type.elements() == 1 => {
                Ok(Self { shape: vec![columns, rows], layout: Layout::Columns(columns), ..self })
            }
            _ => Err(self.error(format!("shape {:?} of {} cannot be transposed", self.shape, self.block_type.name()))),
        }
    }

    /// Reads a transposed matrix, as the bytes of its rows one after another; nothing if the file holds those itself.
    pub(crate) fn read_transposed(&self) -> Result<Option<Vec<u8>>, LoadError> {
        let (Layout::Columns(stride), &[rows, columns]) = (self.layout, self.shape.as_slice()) else { return Ok(None) };
        let size = self.block_type.bytes();
        let (mut all, mut line) = (vec![0; rows * columns * size], vec![0; rows * size]);
        for column in 0..columns {
            self.file.read_at(&mut line, self.offset + (column * stride * size) as u64)?;
            for (number, row) in line.chunks_exact(size).zip(all.chunks_exact_mut(columns * size)) {
                row[column * size..][..size].copy_from_slice(number);
            }
        }
        Ok(Some(all))
    }

    /// Bytes of a row of `columns` numbers.
    pub(crate) fn row_bytes(&self, columns: usize) -> usize {
        columns / self.block_type.elements() * self.block_type.bytes()
    }

    /// Reads the bytes of rows as they are stored, `columns` numbers each.
    pub(crate) fn read_raw(&self, rows: Range<usize>, columns: usize, out: &mut [u8]) -> Result<(), LoadError> {
        let row_bytes = self.row_bytes(columns);
        assert_eq!(out.len(), rows.len() * row_bytes, "as many bytes as the rows have");
        let (together, stride) = match self.layout {
            Layout::Rows => return self.file.read_at(out, self.offset + (rows.start * row_bytes) as u64),
            Layout::Columns(_) => panic!("a transposed matrix is read as a whole"),
            Layout::Bands { rows, stride } => (rows, stride),
        };
        let (mut next, mut rest) = (rows.start, out);
        while next < rows.end {
            let (band, skipped) = (next / together, next % together);
            let count = (together - skipped).min(rows.end - next);
            let (part, others) = rest.split_at_mut(count * row_bytes);
            self.file.read_at(part, self.offset + ((band * stride + skipped) * row_bytes) as u64)?;
            (next, rest) = (next + count, others);
        }
        Ok(())
    }

    /// Reads all numbers of a vector.
    pub(crate) fn read_vector(&self, out: &mut [f32]) -> Result<(), LoadError> {
        let mut bytes = vec![0; self.row_bytes(out.len())];
        let is_banded = matches!(self.layout, Layout::Bands { .. });
        let (rows, columns) = if is_banded { (out.len(), 1) } else { (1, out.len()) };
        self.read_raw(0..rows, columns, &mut bytes)?;
        dequantize(self.block_type, &bytes, out);
        Ok(())
    }
}

fn data_bytes(claim: &TensorClaim) -> Result<u64, String> {
    const MAX_DIMENSION: u64 = 1 << 31;
    let shape = &claim.shape;
    let elements = shape.iter().try_fold(1_u64, |product, &dimension| product.checked_mul(dimension));
    let elements = elements.ok_or_else(|| format!("shape {shape:?} overflows"))?;
    if let Some(dimension) = shape.iter().find(|&&dimension| dimension == 0 || dimension > MAX_DIMENSION) {
        return Err(format!("shape {shape:?}: {dimension} is not in 1..={MAX_DIMENSION}"));
    }
    let (per_block, block_bytes) = (claim.block_type.elements() as u64, claim.block_type.bytes() as u64);
    let row = shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(per_block) {
        let name = claim.block_type.name();
        return Err(format!("shape {shape:?}: rows of {row} are no multiple of {name}'s block of {per_block}"));
    }
    let bytes = (elements / per_block).checked_mul(block_bytes);
    bytes.ok_or_else(|| format!("shape {shape:?} overflows"))
}
