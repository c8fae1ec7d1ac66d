//! A weight matrix `[out, in]` that is still in its file; rows come out in the order the engine wants.
//!
//! Several threads may read disjoint rows at once. Nothing is cached, except that a matrix which the file holds transposed
//! is read as a whole.

use std::ops::Range;
use std::sync::Arc;

use crate::block_type::BlockType;
use crate::dequantize::dequantize;
use crate::error::LoadError;
use crate::stored_tensor::StoredTensor;

/// A matrix of a checkpoint, checked, not read yet.
#[derive(Clone, Debug)]
pub struct StoredMatrix {
    tensor: StoredTensor,
    rows: usize,
    columns: usize,
    order: RowOrder,
    /// All rows' bytes, where the file holds columns.
    turned: Option<Arc<[u8]>>,
}

/// How the file orders the rows of a projection that is rotated by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// As the engine wants them: the halves of a rotary pair are `turned_dim / 2` rows apart.
    Halves,
    /// llama.cpp's and GPT-J's: the halves of a pair are neighbours.
    Pairs {
        /// Rows of one head.
        head_dim: usize,
        /// The first of them, which turn.
        turned_dim: usize,
    },
}

impl StoredMatrix {
    /// Takes a tensor whose shape is `[rows, columns]`; fails if it is transposed and cannot be read.
    pub(crate) fn new(tensor: StoredTensor, order: RowOrder) -> Result<Self, LoadError> {
        let &[rows, columns] = tensor.shape() else { panic!("a matrix has two dimensions") };
        let turned = tensor.read_transposed()?.map(Arc::from);
        Ok(Self { tensor, rows, columns, order, turned })
    }

    /// Output width.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input width.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What its numbers are stored as.
    pub fn block_type(&self) -> BlockType {
        self.tensor.block_type()
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.tensor.row_bytes(self.columns)
    }

    /// Reads `rows` as f32 into `out` `[rows, columns]`; fails if the file cannot be read, panics if `out` has another
    /// length or the range leaves the matrix.
    pub fn read_rows(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), LoadError> {
        assert_eq!(out.len(), rows.len() * self.columns, "one number for each row and column");
        let mut bytes = vec![0; rows.len() * self.row_bytes()];
        self.read_raw(rows, &mut bytes)?;
        dequantize(self.block_type(), &bytes, out);
        Ok(())
    }

    /// Reads the stored bytes of `rows`, in the engine's order, as [`Self::read_rows`] does.
    pub fn read_raw(&self, rows: Range<usize>, out: &mut [u8]) -> Result<(), LoadError> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        match (&self.turned, self.order) {
            (Some(bytes), _) => out.copy_from_slice(&bytes[rows.start * self.row_bytes()..rows.end * self.row_bytes()]),
            (None, RowOrder::Halves) => self.tensor.read_raw(rows, self.columns, out)?,
            (None, RowOrder::Pairs { head_dim, turned_dim }) => {
                self.read_paired_rows(rows, (head_dim, turned_dim), out)?;
            }
        }
        Ok(())
    }

    /// Reads the stored rows head by head and hands out the wanted ones of each.
    fn read_paired_rows(
        &self,
        rows: Range<usize>,
        (head_dim, turned_dim): (usize, usize),
        out: &mut [u8],
    ) -> Result<(), LoadError> {
        let row_bytes = self.row_bytes();
        let mut head_rows = vec![0; head_dim * row_bytes];
        for (row, target) in rows.clone().zip(out.chunks_exact_mut(row_bytes)) {
            let head_start = row - row % head_dim;
            if row == rows.start || row == head_start {
                self.tensor.read_raw(head_start..head_start + head_dim, self.columns, &mut head_rows)?;
            }
            let stored = stored_row(row % head_dim, turned_dim) * row_bytes;
            target.copy_from_slice(&head_rows[stored..stored + row_bytes]);
        }
        Ok(())
    }
}

/// Puts a vector of one number per row (a bias) into the engine's order.
pub(crate) fn in_engine_order(stored: Vec<f32>, order: RowOrder) -> Vec<f32> {
    match order {
        RowOrder::Halves => stored,
        RowOrder::Pairs { head_dim, turned_dim } => {
            (0..stored.len()).map(|row| stored[row - row % head_dim + stored_row(row % head_dim, turned_dim)]).collect()
        }
    }
}

/// Where a head's row lies in a file of neighbouring pairs: row i and row i + d/2 are stored at 2i and 2i + 1, what does not
/// turn where it is.
fn stored_row(row: usize, turned_dim: usize) -> usize {
    let half = turned_dim / 2;
    if row < turned_dim { 2 * (row % half) + row / half } else { row }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_halves_in_every_head() {
        let stored = (0..8_u8).map(f32::from).collect();
        let order = RowOrder::Pairs { head_dim: 4, turned_dim: 4 };
        assert_eq!(in_engine_order(stored, order), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn rows_that_do_not_turn_stay() {
        let stored = (0..12_u8).map(f32::from).collect();
        let order = RowOrder::Pairs { head_dim: 6, turned_dim: 4 };
        assert_eq!(in_engine_order(stored, order), [0.0, 2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0, 9.0, 10.0, 11.0]);
    }
}
