//! y = x Wᵀ + b, for one stored matrix or several with the same input, fused by stacking their rows.

use crate::checkpoint::Checkpoint;
use crate::error::LoadError;
use crate::ops::{self, Cpu, PanelMatrix};
use crate::stored_matrix::StoredMatrix;
use crate::weight_name::WeightName;

/// A matrix in the kernels' layout, `[out, in]`, and perhaps a bias.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: PanelMatrix,
    /// `[out]`
    bias: Option<Vec<f32>>,
}

/// One stored matrix of a [`Linear`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) weight: WeightName,
    pub(crate) bias: Option<WeightName>,
    /// Rows of the matrix.
    pub(crate) out: usize,
}

impl Linear {
    /// Stacks the parts' rows in order.
    pub(crate) fn load(checkpoint: &Checkpoint, cpu: &Cpu, parts: &[Part], columns: usize) -> Result<Self, LoadError> {
        let matrices = parts
            .iter()
            .map(|part| checkpoint.matrix(part.weight, part.out, columns))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { weight: pack(cpu, &matrices, columns)?, bias: stacked_bias(checkpoint, parts)? })
    }

    /// Columns of the result.
    pub(crate) fn out(&self) -> usize {
        self.weight.rows()
    }

    /// `x`: `[tokens, in]`, `out`: `[tokens, out]`
    pub(crate) fn forward(&self, cpu: &Cpu, x: &[f32], out: &mut [f32]) {
        ops::linear(cpu, x, &self.weight, out);
        if let Some(bias) = &self.bias {
            for row in out.chunks_exact_mut(bias.len()) {
                for (value, bias) in row.iter_mut().zip(bias) {
                    *value += bias;
                }
            }
        }
    }

    /// Copies row `index` of the matrix: the embedding of a token, where the head is tied.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        self.weight.read_row(index, out);
    }
}

fn pack(cpu: &Cpu, matrices: &[StoredMatrix], columns: usize) -> Result<PanelMatrix, LoadError> {
    let rows = matrices.iter().map(StoredMatrix::rows).sum();
    PanelMatrix::pack(cpu, rows, columns, |wanted, out| {
        let mut first = 0;
        for matrix in matrices {
            let (start, end) = (wanted.start.max(first), wanted.end.min(first + matrix.rows()));
            if start < end {
                let place = (start - wanted.start) * columns..(end - wanted.start) * columns;
                matrix.read_rows(start - first..end - first, &mut out[place])?;
            }
            first += matrix.rows();
        }
        Ok(())
    })
}

fn stacked_bias(checkpoint: &Checkpoint, parts: &[Part]) -> Result<Option<Vec<f32>>, LoadError> {
    if parts.iter().all(|part| part.bias.is_none()) {
        return Ok(None);
    }
    let mut stacked = Vec::new();
    for part in parts {
        match part.bias {
            Some(name) => stacked.extend(checkpoint.vector(name, part.out)?),
            None => stacked.resize(stacked.len() + part.out, 0.0),
        }
    }
    Ok(Some(stacked))
}
