//! One of several MLPs: its results are its layer's to weigh and add.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::linear::{GatedLinear, Linear, Part};
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its matrices.
#[derive(Debug)]
pub(super) struct Expert {
    gate_up: GatedLinear,
    down: Linear,
}

/// Memory to work in, and the results.
#[derive(Debug, Default)]
pub(super) struct ExpertScratch {
    /// `[rows, intermediate]`
    product: Vec<f32>,
    /// `[rows, hidden]`
    pub(super) result: Vec<f32>,
}

impl Expert {
    /// Of these gate, up and down.
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        [gate, up, down]: [WeightName; 3],
        intermediate: usize,
    ) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let hidden = config.hidden_size;
        let part = |weight, out| Part { weight, bias: None, out };
        Ok(Self {
            gate_up: GatedLinear::load(
                loader,
                [gate, up].map(|weight| part(weight, intermediate)),
                hidden,
                config.activation,
            )?,
            down: Linear::load(loader, &[part(down, hidden)], intermediate)?,
        })
    }

    /// Fills the results of the rows that go in, at least one.
    pub(super) fn forward(&self, cpu: &Cpu, input: Input<'_>, scratch: &mut ExpertScratch, tiles: &mut TiledRows) {
        let ExpertScratch { product, result } = scratch;
        let rows = input.x.len() / self.down.out();
        product.resize(rows * self.gate_up.out(), 0.0);
        result.resize(rows * self.down.out(), 0.0);
        self.gate_up.forward(cpu, input, tiles, product);
        self.down.forward(cpu, Input { x: product, norm: None }, tiles, result);
    }
}
