//! Root-mean-square norm.

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::kernels::cpu::fill_tile::RowNorm;
use crate::ops;
use crate::ops::tiled_rows::Input;
use crate::weight_name::WeightName;

/// y = x / sqrt(mean(x²) + eps) * weight, computed on the way into the linear layer that follows.
#[derive(Debug)]
pub(crate) struct Norm {
    /// `[width]`
    weight: Vec<f32>,
    eps: f32,
}

impl Norm {
    /// A norm of rows of `width` values.
    pub(crate) fn load(checkpoint: &Checkpoint, name: WeightName, width: usize) -> Result<Self, LoadError> {
        let norms = checkpoint.config().norms;
        let mut weight = checkpoint.vector(name, width)?;
        if norms.less_one {
            for weight in &mut weight {
                *weight += 1.0;
            }
        }
        Ok(Self { weight, eps: norms.eps })
    }

    /// The normed rows of `x` `[tokens, hidden]`.
    pub(crate) fn of<'a>(&'a self, x: &'a [f32]) -> Input<'a> {
        Input { x, norm: Some(self.row_norm()) }
    }

    /// Norms the rows of `x` `[rows, hidden]` in place.
    pub(crate) fn apply(&self, cpu: &Cpu, x: &mut [f32]) {
        ops::norm_rows(cpu, self.row_norm(), x);
    }

    /// What kernels take.
    pub(crate) fn row_norm(&self) -> RowNorm<'_> {
        RowNorm { weight: &self.weight, eps: self.eps }
    }
}
