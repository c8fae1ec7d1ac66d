//! Numbers of each token: output(state).

use super::label_head::linear;
use crate::cpu::Cpu;
use crate::encoder_weight::EncoderPart;
use crate::error::LoadError;
use crate::layers::linear::Linear;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;

/// Its matrix, and what it works in.
#[derive(Debug)]
pub(super) struct TokenHead {
    output: Linear,
    tiles: TiledRows,
    /// `[tokens, numbers]`
    scores: Vec<f32>,
}

impl TokenHead {
    /// A head of so many numbers for states of so many.
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        part: EncoderPart,
        (numbers, hidden): (usize, usize),
    ) -> Result<Self, LoadError> {
        let output = linear(loader, part, (numbers, hidden))?;
        Ok(Self { output, tiles: TiledRows::default(), scores: Vec::new() })
    }

    /// The numbers of the states `[tokens, hidden]`, and how many each token has.
    pub(super) fn scores(&mut self, cpu: &Cpu, states: &[f32]) -> (&[f32], usize) {
        let numbers = self.output.out();
        self.scores.resize(states.len() / self.output.columns() * numbers, 0.0);
        self.output.forward(cpu, Input { x: states, norm: None }, &mut self.tiles, &mut self.scores);
        (&self.scores, numbers)
    }
}
