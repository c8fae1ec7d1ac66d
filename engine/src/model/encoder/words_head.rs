//! Which word stands at a place: words(norm(activation(dense(state)))) + bias, words being the vectors that texts begin with.

use super::embeddings::norm;
use super::label_head::linear;
use crate::config::{Activation, EncoderConfig};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::Linear;
use crate::layers::norm::Norm;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its weights, and what it works in.
#[derive(Debug)]
pub(super) struct WordsHead {
    dense: Linear,
    activation: Activation,
    norm: Norm,
    /// `[vocabulary]`
    bias: Vec<f32>,
    tiles: TiledRows,
    /// `[places, hidden]`
    product: Vec<f32>,
}

impl WordsHead {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let hidden = config.hidden_size;
        Ok(Self {
            dense: linear(loader, EncoderPart::WordsDense, (hidden, hidden))?,
            activation: config.activation,
            norm: norm(loader, config, EncoderPart::WordsNorm)?,
            bias: loader
                .checkpoint
                .vector(WeightName::Encoder(EncoderPart::WordsBias, Term::Bias), config.vocab_size)?,
            tiles: TiledRows::default(),
            product: Vec::new(),
        })
    }

    /// The scores `[places, vocabulary]` of the states `[places, hidden]`.
    pub(super) fn scores(&mut self, cpu: &Cpu, words: &Linear, states: &[f32]) -> Vec<f32> {
        let mut scores = vec![0.0; states.len() / self.dense.out() * self.bias.len()];
        if states.is_empty() {
            return scores;
        }
        self.product.resize(states.len(), 0.0);
        let states = Input { x: states, norm: None };
        self.dense.activate(cpu, states, &mut self.tiles, (self.activation, &mut self.product));
        self.norm.apply(cpu, &mut self.product);
        words.forward(cpu, Input { x: &self.product, norm: None }, &mut self.tiles, &mut scores);
        for place in scores.chunks_exact_mut(self.bias.len()) {
            for (score, bias) in place.iter_mut().zip(&self.bias) {
                *score += bias;
            }
        }
        scores
    }
}
