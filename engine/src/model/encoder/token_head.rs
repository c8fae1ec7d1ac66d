//! Numbers of each token: output(state), or output of what a transformation makes of it.

use super::label_head::linear;
use super::transform::Transform;
use crate::config::EncoderConfig;
use crate::cpu::Cpu;
use crate::encoder_weight::EncoderPart;
use crate::error::LoadError;
use crate::layers::linear::Linear;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;

/// Its matrices, and what it works in.
#[derive(Debug)]
pub(super) struct TokenHead {
    transform: Option<Transform>,
    output: Linear,
    tiles: TiledRows,
    /// `[tokens, numbers]`
    scores: Vec<f32>,
}

impl TokenHead {
    /// A head of so many numbers.
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        (part, numbers): (EncoderPart, usize),
    ) -> Result<Self, LoadError> {
        let transform = config.heads_alike.then(|| Transform::of_labels(loader, config)).transpose()?;
        let output = linear(loader, part, (numbers, config.hidden_size), true)?;
        Ok(Self { transform, output, tiles: TiledRows::default(), scores: Vec::new() })
    }

    /// The numbers of the states `[tokens, hidden]`, and how many each token has.
    pub(super) fn scores(&mut self, cpu: &Cpu, states: &[f32]) -> (&[f32], usize) {
        let numbers = self.output.out();
        self.scores.resize(states.len() / self.output.columns() * numbers, 0.0);
        let x = match &mut self.transform {
            Some(transform) => transform.apply(cpu, states, &mut self.tiles),
            None => states,
        };
        self.output.forward(cpu, Input { x, norm: None }, &mut self.tiles, &mut self.scores);
        (&self.scores, numbers)
    }
}
