//! One layer: x = norm(x + attention(x)); x = norm(x + down(activation(up(x)))).

use super::embeddings::norm;
use super::step_cache::LaidOut;
use crate::config::{Activation, EncoderConfig};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart, Term};
use crate::error::LoadError;
use crate::kernels::cpu::score_rule::{ScoreRule, Sight};
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::ops;
use crate::ops::paged_attention::{Attention, AttentionInput};
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::ops::write_kv::QueryKeyRule;
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its weights; query, key and value are one linear layer, `[q; k; v]`.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention<'static>,
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
        let linear = |parts: &[Part], columns| Linear::load(loader, parts, columns);
        let scale = 1.0 / (config.head_dim() as f32).sqrt();
        Ok(Self {
            attention: Attention {
                heads: config.num_heads,
                rule: ScoreRule { sight: Sight::Both, ..ScoreRule::scaled(scale) },
            },
            activation: config.activation,
            qkv: linear(&[L::Query, L::Key, L::Value].map(|of| part(of, hidden)), hidden)?,
            attention_output: linear(&[part(L::AttentionOutput, hidden)], hidden)?,
            attention_norm: norm(loader, config, EncoderPart::Layer(layer, L::AttentionNorm))?,
            up: linear(&[part(L::Up, intermediate)], hidden)?,
            down: linear(&[part(L::Down, hidden)], intermediate)?,
            mlp_norm: norm(loader, config, EncoderPart::Layer(layer, L::MlpNorm))?,
        })
    }

    /// Takes the stream `[tokens, hidden]` through the layer.
    pub(super) fn forward(
        &self,
        cpu: &Cpu,
        laid_out: &mut LaidOut<'_>,
        scratch: &mut LayerScratch,
        stream: &mut [f32],
    ) {
        let tokens = stream.len() / self.down.out();
        let LayerScratch { qkv, attended, product, tiles } = scratch;
        qkv.resize(tokens * self.qkv.out(), 0.0);
        attended.resize(stream.len(), 0.0);
        product.resize(tokens * self.up.out(), 0.0);

        self.qkv.forward(cpu, plain(stream), tiles, qkv);
        let sequences = &laid_out.sequences;
        ops::write_kv(cpu, QueryKeyRule { norms: None, angles: None }, sequences, qkv, laid_out.kv);
        let input = AttentionInput { queries: qkv, sequences, kv: laid_out.kv };
        ops::paged_attention(cpu, &self.attention, &input, attended);
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
