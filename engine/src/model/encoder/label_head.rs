//! Scores of labels: output(squash(dense(state of the first token, or of the last, or the mean of all))).

use super::transform::Transform;
use super::vector::Pooled;
use crate::config::{EncoderConfig, LabelState, Labels};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its two matrices, and what it works in.
#[derive(Debug)]
pub(super) struct LabelHead {
    state: Pooled,
    transform: Transform,
    output: Linear,
    tiles: TiledRows,
    /// `[sequences, labels]`
    scores: Vec<f32>,
}

impl LabelHead {
    /// A head of the labels of several parts, which stand side by side.
    pub(super) fn load<'a>(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        outputs: impl IntoIterator<Item = (EncoderPart, &'a Labels)>,
    ) -> Result<Self, LoadError> {
        let outputs = outputs.into_iter().map(|(output, labels)| part(output, labels.names.len(), true));
        Ok(Self {
            state: match config.label_state {
                LabelState::First => Pooled::First,
                LabelState::Last => Pooled::Last,
                LabelState::Mean => Pooled::Mean,
            },
            transform: Transform::of_labels(loader, config)?,
            output: Linear::load(loader, &outputs.collect::<Vec<_>>(), config.hidden_size)?,
            tiles: TiledRows::default(),
            scores: Vec::new(),
        })
    }

    /// The one state that is read, of a text's `[tokens, hidden]`.
    pub(super) fn reads(&self, states: &[f32]) -> Vec<f32> {
        self.state.of(states, self.transform.columns())
    }

    /// One list of scores for each of the states `[sequences, hidden]`.
    pub(super) fn scores(&mut self, cpu: &Cpu, states: &[f32]) -> Vec<Vec<f32>> {
        let labels = self.output.out();
        self.scores.resize(states.len() / self.transform.columns() * labels, 0.0);
        let x = self.transform.apply(cpu, states, &mut self.tiles);
        self.output.forward(cpu, Input { x, norm: None }, &mut self.tiles, &mut self.scores);
        self.scores.chunks_exact(labels).map(<[f32]>::to_vec).collect()
    }
}

/// A matrix `[out, columns]` of a head, with its bias if it has one.
pub(super) fn linear(
    loader: &WeightLoader<'_>,
    of: EncoderPart,
    (out, columns): (usize, usize),
    has_bias: bool,
) -> Result<Linear, LoadError> {
    Linear::load(loader, &[part(of, out, has_bias)], columns)
}

fn part(of: EncoderPart, out: usize, has_bias: bool) -> Part {
    let name = |term| WeightName::Encoder(of, term);
    Part { weight: name(Term::Weight), bias: has_bias.then(|| name(Term::Bias)), out }
}
