//! The norm of the residual stream beside attention or MLP: on its way in, or of the stream itself once the result is added.

use crate::config::StreamNorms;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::norm::Norm;
use crate::ops::tiled_rows::Input;
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The norm, and where it stands.
#[derive(Debug)]
pub(crate) struct StreamNorm {
    norm: Norm,
    place: StreamNorms,
}

impl StreamNorm {
    pub(crate) fn new(norm: Norm, place: StreamNorms) -> Self {
        Self { norm, place }
    }

    /// That of a decoder.
    pub(crate) fn load(loader: &WeightLoader<'_>, name: WeightName) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        Ok(Self::new(Norm::load(loader.checkpoint, name, config.hidden_size)?, config.norms.stream))
    }

    /// What attention or MLP reads of the stream, `[tokens, hidden]`.
    pub(crate) fn input<'a>(&'a self, stream: &'a [f32]) -> Input<'a> {
        match self.place {
            StreamNorms::Before => self.norm.of(stream),
            StreamNorms::After => Input { x: stream, norm: None },
        }
    }

    /// Leaves the stream as the next part wants it, after the result was added.
    pub(crate) fn finish(&self, cpu: &Cpu, stream: &mut [f32]) {
        match self.place {
            StreamNorms::Before => {}
            StreamNorms::After => self.norm.apply(cpu, stream),
        }
    }
}
