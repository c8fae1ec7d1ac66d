//! y = x Wᵀ + b, for one stored matrix or several with the same input, fused by stacking their rows.

use scheduler::Token;

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::ops;
use crate::ops::matmul::{PanelMatrix, RowSource};
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
        ops::linear(cpu, &self.weight, x, out);
        if let Some(bias) = &self.bias {
            for row in out.chunks_exact_mut(bias.len()) {
                for (value, bias) in row.iter_mut().zip(bias) {
                    *value += bias;
                }
            }
        }
    }

    /// Copies the matrix's row of each token: its embedding. `out`: `[tokens, in]`
    pub(crate) fn embed(&self, tokens: &[Token], out: &mut [f32]) {
        ops::embedding(&self.weight, tokens, out);
    }
}

fn pack(cpu: &Cpu, matrices: &[StoredMatrix], columns: usize) -> Result<PanelMatrix, LoadError> {
    let readers: Vec<_> =
        matrices.iter().map(|matrix| move |rows, out: &mut [f32]| matrix.read_rows(rows, out)).collect();
    let sources: Vec<_> =
        matrices.iter().zip(&readers).map(|(matrix, read)| RowSource { rows: matrix.rows(), read }).collect();
    PanelMatrix::pack(cpu, columns, &sources)
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
