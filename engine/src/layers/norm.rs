//! Norms of rows: by their root mean square, or by their mean and variance, as a rule with a bias.

use crate::checkpoint::Checkpoint;
use crate::config::NormKind;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::kernels::cpu::norm_row::RowNorm;
use crate::ops;
use crate::ops::tiled_rows::Input;
use crate::weight_name::WeightName;

/// Computed on the way into the linear layer that follows, if one does. [`RowNorm`] has the formulas.
#[derive(Debug)]
pub(crate) struct Norm {
    /// `[width]`
    weight: Vec<f32>,
    /// `[width]`
    bias: Option<Vec<f32>>,
    eps: f32,
}

impl Norm {
    /// A norm by mean and variance if it has a bias, by the root mean square if not.
    pub(crate) fn new(weight: Vec<f32>, bias: Option<Vec<f32>>, eps: f32) -> Self {
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == weight.len()), "a bias for each weight");
        Self { weight, bias, eps }
    }

    /// A norm of rows of `width` values.
    pub(crate) fn load(checkpoint: &Checkpoint, name: WeightName, width: usize) -> Result<Self, LoadError> {
        let norms = checkpoint.config().norms;
        let mut weight = checkpoint.vector(name, width)?;
        if norms.less_one {
            for weight in &mut weight {
                *weight += 1.0;
            }
        }
        let bias = match norms.kind {
            NormKind::RootMeanSquare => None,
            NormKind::Layer => Some(checkpoint.vector(name.norm_bias(), width)?),
            NormKind::UnbiasedLayer => Some(vec![0.0; width]),
        };
        Ok(Self::new(weight, bias, norms.eps))
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
        RowNorm { weight: &self.weight, bias: self.bias.as_deref(), eps: self.eps }
    }
}
