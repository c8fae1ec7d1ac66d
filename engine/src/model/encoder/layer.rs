//! One layer: x = norm(x + attention(x)); x = norm(x + MLP(x)); or x = x + attention(norm(x)); x = x + MLP(norm(x)).

use super::attention::Step;
use super::embeddings::norm;
use crate::config::EncoderConfig;
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::{GatedLinear, Linear, Part};
use crate::layers::mlp::Up;
use crate::layers::stream_norm::StreamNorm;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its weights; query, key and value are one linear layer, `[q; k; v]`.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its number.
    index: usize,
    qkv: Linear,
    attention_output: Linear,
    /// None where the norm of the embeddings does.
    attention_norm: Option<StreamNorm>,
    up: Up,
    down: Linear,
    mlp_norm: StreamNorm,
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
        let part = |of, out, has_bias: bool| {
            let name = |term| WeightName::Encoder(EncoderPart::Layer(layer, of), term);
            Part { weight: name(Term::Weight), bias: has_bias.then(|| name(Term::Bias)), out }
        };
        let of_attention = |of| part(of, hidden, config.biases.of_attention());
        let of_mlp = |of, out| part(of, out, config.biases.of_mlps());
        let stream_norm = |of| {
            let norm = norm(loader, config, EncoderPart::Layer(layer, of))?;
            Ok::<_, LoadError>(StreamNorm::new(norm, config.stream_norms))
        };
        let has_norm = config.has_attention_norm(layer);
        let up = of_mlp(L::Up, intermediate);
        Ok(Self {
            index: layer,
            qkv: Linear::load(loader, &[L::Query, L::Key, L::Value].map(of_attention), hidden)?,
            attention_output: Linear::load(loader, &[of_attention(L::AttentionOutput)], hidden)?,
            attention_norm: has_norm.then(|| stream_norm(L::AttentionNorm)).transpose()?,
            up: if config.gated_mlp {
                let gate = of_mlp(L::Gate, intermediate);
                Up::Gated(GatedLinear::load(loader, [gate, up], hidden, config.activation)?)
            } else {
                Up::Plain(Linear::load(loader, &[up], hidden)?, config.activation)
            },
            down: Linear::load(loader, &[of_mlp(L::Down, hidden)], intermediate)?,
            mlp_norm: stream_norm(L::MlpNorm)?,
        })
    }

    /// Takes the stream `[tokens, hidden]` through the layer.
    pub(super) fn forward(&self, cpu: &Cpu, step: &mut Step<'_>, scratch: &mut LayerScratch, stream: &mut [f32]) {
        let tokens = stream.len() / self.down.out();
        let LayerScratch { qkv, attended, product, tiles } = scratch;
        qkv.resize(tokens * self.qkv.out(), 0.0);
        attended.resize(stream.len(), 0.0);
        product.resize(tokens * self.up.out(), 0.0);

        let read = match &self.attention_norm {
            Some(norm) => norm.input(stream),
            None => plain(stream),
        };
        self.qkv.forward(cpu, read, tiles, qkv);
        step.attend(cpu, self.index, qkv, attended);
        self.attention_output.add(cpu, plain(attended), tiles, stream);
        if let Some(norm) = &self.attention_norm {
            norm.finish(cpu, stream);
        }

        self.up.forward(cpu, self.mlp_norm.input(stream), tiles, product);
        self.down.add(cpu, plain(product), tiles, stream);
        self.mlp_norm.finish(cpu, stream);
    }
}

fn plain(x: &[f32]) -> Input<'_> {
    Input { x, norm: None }
}
