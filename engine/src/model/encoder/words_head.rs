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
    /// `[places, hidden]`
    states: Vec<f32>,
    /// `[places, vocabulary]`
    scores: Vec<f32>,
}

impl WordsHead {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let bias = WeightName::Encoder(EncoderPart::WordsBias, Term::Bias);
        Ok(Self {
            transform: Transform::of_words(loader, config)?,
            bias: loader.checkpoint.vector(bias, config.vocab_size)?,
            tiles: TiledRows::default(),
            states: Vec::new(),
            scores: Vec::new(),
        })
    }

    /// The scores `[places, vocabulary]` of these places of a stream `[tokens, hidden]`.
    pub(super) fn scores(&mut self, cpu: &Cpu, words: &Linear, (stream, places): (&[f32], &[usize])) -> &[f32] {
        let (hidden, vocabulary) = (self.transform.columns(), self.bias.len());
        self.states.clear();
        for place in places {
            self.states.extend_from_slice(&stream[place * hidden..][..hidden]);
        }
        self.scores.resize(places.len() * vocabulary, 0.0);
        if places.is_empty() {
            return &self.scores;
        }
        let x = self.transform.apply(cpu, &self.states, &mut self.tiles);
        words.forward(cpu, Input { x, norm: None }, &mut self.tiles, &mut self.scores);
        for place in self.scores.chunks_exact_mut(vocabulary) {
            for (score, bias) in place.iter_mut().zip(&self.bias) {
                *score += bias;
            }
        }
        &self.scores
    }
}
