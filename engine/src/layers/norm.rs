//! Root-mean-square norm.

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::ops;
use crate::weight_name::WeightName;

/// y = x / sqrt(mean(x²) + eps) * weight
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

    /// `x`, `out`: `[tokens, hidden]`
    pub(crate) fn forward(&self, cpu: &Cpu, x: &[f32], out: &mut [f32]) {
        ops::rms_norm(cpu, x, &self.weight, self.eps, out);
    }
}
