//! Which word stands at a place: words(norm(activation(dense(state)))) + bias, words being the vectors that texts begin with.

use super::transform::Transform;
use crate::config::EncoderConfig;
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::Linear;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its weights, and what it works in.
#[derive(Debug)]
pub(super) struct WordsHead {
    transform: Transform,
    /// `[vocabulary]`
    bias: Vec<f32>,
    tiles: TiledRows,
}

impl WordsHead {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let bias = WeightName::Encoder(EncoderPart::WordsBias, Term::Bias);
        Ok(Self {
            transform: Transform::of_words(loader, config)?,
            bias: loader.checkpoint.vector(bias, config.vocab_size)?,
            tiles: TiledRows::default(),
        })
    }

    /// The scores `[places, vocabulary]` of the states `[places, hidden]`.
    pub(super) fn scores(&mut self, cpu: &Cpu, words: &Linear, states: &[f32]) -> Vec<f32> {
        let mut scores = vec![0.0; states.len() / self.transform.columns() * self.bias.len()];
        if states.is_empty() {
            return scores;
        }
        let x = self.transform.apply(cpu, states, &mut self.tiles);
        words.forward(cpu, Input { x, norm: None }, &mut self.tiles, &mut scores);
        for place in scores.chunks_exact_mut(self.bias.len()) {
            for (score, bias) in place.iter_mut().zip(&self.bias) {
                *score += bias;
            }
        }
        scores
    }
}
