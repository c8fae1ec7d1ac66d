//! The last linear layer of attention or MLP, whose result goes to the residual stream: added, or normed and added.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::ops;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The layer, and the norm behind it in families that have one.
#[derive(Debug)]
pub(crate) struct Residual {
    linear: Linear,
    norm: Option<Norm>,
}

impl Residual {
    /// `norm` is what the norm is called, where the family has it.
    pub(crate) fn load(
        loader: &WeightLoader<'_>,
        part: Part,
        columns: usize,
        norm: WeightName,
    ) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let norm = config.norms.of_outputs.then(|| Norm::load(loader.checkpoint, norm, config.hidden_size));
        Ok(Self { linear: Linear::load(loader, &[part], columns)?, norm: norm.transpose()? })
    }

    /// Columns of the stream.
    pub(crate) fn out(&self) -> usize {
        self.linear.out()
    }

    /// Adds the layer of `x` to the stream, `[tokens, hidden]`; `result` is memory to work in.
    pub(crate) fn add(
        &self,
        cpu: &Cpu,
        x: &[f32],
        (tiles, result): (&mut TiledRows, &mut Vec<f32>),
        stream: &mut [f32],
    ) {
        let input = Input { x, norm: None };
        match &self.norm {
            None => self.linear.add(cpu, input, tiles, stream),
            Some(norm) => {
                result.resize(stream.len(), 0.0);
                self.linear.forward(cpu, input, tiles, result);
                ops::add_normed(cpu, norm.row_norm(), result, stream);
            }
        }
    }
}
