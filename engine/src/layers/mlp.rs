//! MLP: down(activation(gate(x)) * up(x)), or down(activation(up(x))) in families without a gate.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::kernels::cpu::activation::Activation;
use crate::layers::linear::{GatedLinear, Linear, Part};
use crate::layers::residual::Residual;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::{LayerWeight, WeightName};

/// Its matrices.
#[derive(Debug)]
pub(crate) struct Mlp {
    up: Up,
    down: Residual,
}

/// What the last matrix reads.
#[derive(Debug)]
pub(crate) enum Up {
    Gated(GatedLinear),
    Plain(Linear, Activation),
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct MlpScratch {
    /// `[tokens, intermediate]`
    product: Vec<f32>,
    /// `[tokens, hidden]`
    result: Vec<f32>,
}

impl Mlp {
    pub(crate) fn load(loader: &WeightLoader<'_>, layer: usize) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let (hidden, intermediate) = (config.hidden_size, config.mlp_width());
        let part = |weight, bias, out| Part {
            weight: WeightName::Layer(layer, weight),
            bias: config.mlp_bias.then_some(WeightName::Layer(layer, bias)),
            out,
        };
        let gate = part(LayerWeight::Gate, LayerWeight::GateBias, intermediate);
        let up = part(LayerWeight::Up, LayerWeight::UpBias, intermediate);
        let down = part(LayerWeight::Down, LayerWeight::DownBias, hidden);
        Ok(Self {
            up: if config.gated_mlp {
                Up::Gated(GatedLinear::load(loader, [gate, up], hidden, config.activation)?)
            } else {
                Up::Plain(Linear::load(loader, &[up], hidden)?, config.activation)
            },
            down: Residual::load(loader, down, intermediate, WeightName::Layer(layer, LayerWeight::MlpOutputNorm))?,
        })
    }

    /// Reads the stream, `[tokens, hidden]`: what follows does not need it any more.
    pub(crate) fn read(&self, cpu: &Cpu, input: Input<'_>, scratch: &mut MlpScratch, tiles: &mut TiledRows) {
        let tokens = input.x.len() / self.down.out();
        scratch.product.resize(tokens * self.up.out(), 0.0);
        self.up.forward(cpu, input, tiles, &mut scratch.product);
    }

    /// Adds the MLP of what was read to the stream, `[tokens, hidden]`.
    pub(crate) fn add(&self, cpu: &Cpu, scratch: &mut MlpScratch, tiles: &mut TiledRows, stream: &mut [f32]) {
        let MlpScratch { product, result } = scratch;
        self.down.add(cpu, product, (tiles, result), stream);
    }
}

impl Up {
    /// Columns of the result.
    pub(crate) fn out(&self) -> usize {
        match self {
            Self::Gated(linear) => linear.out(),
            Self::Plain(linear, _) => linear.out(),
        }
    }

    /// `activation(gate(x)) * up(x)`, or `activation(up(x))`, product being `[tokens, out]`.
    pub(crate) fn forward(&self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, product: &mut [f32]) {
        match self {
            Self::Gated(linear) => linear.forward(cpu, input, tiles, product),
            Self::Plain(linear, activation) => linear.activate(cpu, input, tiles, (*activation, product)),
        }
    }
}
