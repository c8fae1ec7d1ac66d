//! Root-mean-square norm.

use crate::checkpoint::Checkpoint;
use crate::error::LoadError;
use crate::kernels::cpu::fill_tile::RowNorm;
use crate::ops::tiled_rows::Input;
use crate::weight_name::WeightName;

/// y = x / sqrt(mean(x²) + eps) * weight, computed on the way into the linear layer that follows.
#[derive(Debug)]
pub(crate) struct Norm {
    /// `[hidden]`
    weight: Vec<f32>,
    eps: f32,
}

impl Norm {
    pub(crate) fn load(checkpoint: &Checkpoint, name: WeightName) -> Result<Self, LoadError> {
        let config = checkpoint.config();
        Ok(Self { weight: checkpoint.vector(name, config.hidden_size)?, eps: config.norm_eps })
    }

    /// The normed rows of `x` `[tokens, hidden]`.
    pub(crate) fn of<'a>(&'a self, x: &'a [f32]) -> Input<'a> {
        Input { x, norm: Some(RowNorm { weight: &self.weight, eps: self.eps }) }
    }
}
