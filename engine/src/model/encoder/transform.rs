//! What heads make of states before the last matrix gives scores: norm(squash(dense(state))), or the same without the norm.

use super::embeddings::norm;
use super::label_head::linear;
use crate::config::{EncoderConfig, Squash};
use crate::cpu::Cpu;
use crate::encoder_weight::EncoderPart;
use crate::error::LoadError;
use crate::layers::linear::Linear;
use crate::layers::norm::Norm;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;

/// Its weights, and what it works in.
#[derive(Debug)]
pub(super) struct Transform {
    dense: Linear,
    squash: Squash,
    norm: Option<Norm>,
    /// `[states, hidden]`
    product: Vec<f32>,
}

impl Transform {
    /// That of heads that give labels to texts, which may be that of all heads.
    pub(super) fn of_labels(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let norm = config.heads_alike.then(|| norm(loader, config, EncoderPart::LabelNorm)).transpose()?;
        Self::load(loader, config, EncoderPart::LabelDense, (config.squash, norm))
    }

    /// That of heads that tell words.
    pub(super) fn of_words(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let squash = if config.heads_alike { config.squash } else { Squash::Smooth(config.activation) };
        let norm = norm(loader, config, EncoderPart::WordsNorm)?;
        Self::load(loader, config, EncoderPart::WordsDense, (squash, Some(norm)))
    }

    fn load(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        dense: EncoderPart,
        (squash, norm): (Squash, Option<Norm>),
    ) -> Result<Self, LoadError> {
        let shape = (config.hidden_size, config.hidden_size);
        Ok(Self { dense: linear(loader, dense, shape, config.biases.of_norms())?, squash, norm, product: Vec::new() })
    }

    /// Numbers of a state.
    pub(super) fn columns(&self) -> usize {
        self.dense.columns()
    }

    /// What the last matrix reads of the states `[states, hidden]`.
    pub(super) fn apply(&mut self, cpu: &Cpu, states: &[f32], tiles: &mut TiledRows) -> &[f32] {
        self.product.resize(states.len(), 0.0);
        let input = Input { x: states, norm: None };
        match self.squash {
            Squash::Smooth(activation) => {
                self.dense.activate(cpu, input, tiles, (activation, self.product.as_mut_slice()));
            }
            Squash::Tanh => self.bound(cpu, input, tiles, f32::tanh),
            // what is not a number stays one
            Squash::Relu => self.bound(cpu, input, tiles, |value| if value < 0.0 { 0.0 } else { value }),
        }
        if let Some(norm) = &self.norm {
            norm.apply(cpu, &mut self.product);
        }
        &self.product
    }

    fn bound(&mut self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, bound: fn(f32) -> f32) {
        self.dense.forward(cpu, input, tiles, &mut self.product);
        for value in &mut self.product {
            *value = bound(*value);
        }
    }
}
