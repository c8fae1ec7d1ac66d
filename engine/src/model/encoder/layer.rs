//! One layer: x = norm(x + attention(x)); x = norm(x + down(activation(up(x)))).

use super::attention::Step;
use super::embeddings::norm;
use crate::config::{Activation, EncoderConfig};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its weights; query, key and value are one linear layer, `[q; k; v]`.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its number.
    index: usize,
    activation: Activation,
    qkv: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    mlp_norm: Norm,
}

/// What all layers of a step work in.
#[derive(Debug, Default)]
pub(super) struct LayerScratch {
    /// `[tokens, 3 * hidden]`
    qkv: Vec<f32>,
    /// `[tokens, hidden]`
    attended: Vec<f32>,
    /// `[tokens, intermediate]`
    product: Vec<f32>,
    /// What goes into a linear layer.
    tiles: TiledRows,
}

impl Layer {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig, layer: usize) -> Result<Self, LoadError> {
        use EncoderLayerPart as L;
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let part = |part, out| {
            let name = |term| WeightName::Encoder(EncoderPart::Layer(layer, part), term);
            Part { weight: name(Term::Weight), bias: Some(name(Term::Bias)), out }
        };
        let has_biases = config.positions.relative().is_none();
        let of_attention = |of| {
            let part = part(of, hidden);
            Part { bias: part.bias.filter(|_| has_biases), ..part }
        };
        let linear = |parts: &[Part], columns| Linear::load(loader, parts, columns);
        Ok(Self {
            index: layer,
            activation: config.activation,
            qkv: linear(&[L::Query, L::Key, L::Value].map(of_attention), hidden)?,
            attention_output: linear(&[of_attention(L::AttentionOutput)], hidden)?,
            attention_norm: norm(loader, config, EncoderPart::Layer(layer, L::AttentionNorm))?,
            up: linear(&[part(L::Up, intermediate)], hidden)?,
            down: linear(&[part(L::Down, hidden)], intermediate)?,
            mlp_norm: norm(loader, config, EncoderPart::Layer(layer, L::MlpNorm))?,
        })
    }

    /// Takes the stream `[tokens, hidden]` through the layer.
    pub(super) fn forward(&self, cpu: &Cpu, step: &mut Step<'_>, scratch: &mut LayerScratch, stream: &mut [f32]) {
        let tokens = stream.len() / self.down.out();
        let LayerScratch { qkv, attended, product, tiles } = scratch;
        qkv.resize(tokens * self.qkv.out(), 0.0);
        attended.resize(stream.len(), 0.0);
        product.resize(tokens * self.up.out(), 0.0);

        self.qkv.forward(cpu, plain(stream), tiles, qkv);
        step.attend(cpu, self.index, qkv, attended);
        self.attention_output.add(cpu, plain(attended), tiles, stream);
        self.attention_norm.apply(cpu, stream);

        self.up.activate(cpu, plain(stream), tiles, (self.activation, product.as_mut_slice()));
        self.down.add(cpu, plain(product), tiles, stream);
        self.mlp_norm.apply(cpu, stream);
    }
}

fn plain(x: &[f32]) -> Input<'_> {
    Input { x, norm: None }
}
