//! Gated MLP: down(silu(gate(x)) * up(x)).

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::ops;
use crate::weight_name::{LayerWeight, WeightName};

/// Gate and up are one matrix, `[gate; up]`.
#[derive(Debug)]
pub(crate) struct Mlp {
    gate_up: Linear,
    down: Linear,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct MlpScratch {
    /// `[tokens, 2 * intermediate]`
    gate_up: Vec<f32>,
    /// `[tokens, intermediate]`
    product: Vec<f32>,
}

impl Mlp {
    pub(crate) fn load(checkpoint: &Checkpoint, cpu: &Cpu, layer: usize) -> Result<Self, LoadError> {
        let config = checkpoint.config();
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let part = |weight, bias, out| Part {
            weight: WeightName::Layer(layer, weight),
            bias: config.mlp_bias.then_some(WeightName::Layer(layer, bias)),
            out,
        };
        let gate = part(LayerWeight::Gate, LayerWeight::GateBias, intermediate);
        let up = part(LayerWeight::Up, LayerWeight::UpBias, intermediate);
        let down = part(LayerWeight::Down, LayerWeight::DownBias, hidden);
        Ok(Self {
            gate_up: Linear::load(checkpoint, cpu, &[gate, up], hidden)?,
            down: Linear::load(checkpoint, cpu, &[down], intermediate)?,
        })
    }

    /// `x`, `out`: `[tokens, hidden]`
    pub(crate) fn forward(&self, cpu: &Cpu, x: &[f32], scratch: &mut MlpScratch, out: &mut [f32]) {
        let tokens = out.len() / self.down.out();
        scratch.gate_up.resize(tokens * self.gate_up.out(), 0.0);
        scratch.product.resize(tokens * self.gate_up.out() / 2, 0.0);
        self.gate_up.forward(cpu, x, &mut scratch.gate_up);
        ops::swiglu(cpu, &scratch.gate_up, self.gate_up.out() / 2, &mut scratch.product);
        self.down.forward(cpu, &scratch.product, out);
    }
}
