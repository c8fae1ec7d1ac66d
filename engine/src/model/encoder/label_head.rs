//! Scores of labels: output(squash(dense(state of the first token, or of the last))).

use crate::config::{EncoderConfig, LabelToken, Labels, Squash};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Its two matrices.
#[derive(Debug)]
pub(super) struct LabelHead {
    token: LabelToken,
    dense: Linear,
    squash: Squash,
    output: Linear,
    tiles: TiledRows,
}

impl LabelHead {
    /// A head of the labels of several parts, which stand side by side.
    pub(super) fn load<'a>(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        outputs: impl IntoIterator<Item = (EncoderPart, &'a Labels)>,
    ) -> Result<Self, LoadError> {
        let hidden = config.hidden_size;
        let outputs = outputs.into_iter().map(|(output, labels)| part(output, labels.names.len()));
        Ok(Self {
            token: config.label_token,
            dense: linear(loader, EncoderPart::LabelDense, (hidden, hidden))?,
            squash: config.squash,
            output: Linear::load(loader, &outputs.collect::<Vec<_>>(), hidden)?,
            tiles: TiledRows::default(),
        })
    }

    /// The one state that is read, of a text's `[tokens, hidden]`.
    pub(super) fn reads<'a>(&self, states: &'a [f32]) -> &'a [f32] {
        let hidden = self.dense.columns();
        match self.token {
            LabelToken::First => &states[..hidden],
            LabelToken::Last => &states[states.len() - hidden..],
        }
    }

    /// One list of scores for each of the states `[sequences, hidden]`.
    pub(super) fn scores(&mut self, cpu: &Cpu, states: &[f32]) -> Vec<Vec<f32>> {
        let mut dense = vec![0.0; states.len()];
        self.dense.forward(cpu, Input { x: states, norm: None }, &mut self.tiles, &mut dense);
        for value in &mut dense {
            *value = match self.squash {
                Squash::Tanh => value.tanh(),
                // what is not a number stays one
                Squash::Relu if *value < 0.0 => 0.0,
                Squash::Relu => *value,
            };
        }
        let labels = self.output.out();
        let mut scores = vec![0.0; states.len() / self.dense.out() * labels];
        self.output.forward(cpu, Input { x: &dense, norm: None }, &mut self.tiles, &mut scores);
        scores.chunks_exact(labels).map(<[f32]>::to_vec).collect()
    }
}

/// A matrix `[out, columns]` of a head, with its bias.
pub(super) fn linear(
    loader: &WeightLoader<'_>,
    of: EncoderPart,
    (out, columns): (usize, usize),
) -> Result<Linear, LoadError> {
    Linear::load(loader, &[part(of, out)], columns)
}

fn part(of: EncoderPart, out: usize) -> Part {
    let name = |term| WeightName::Encoder(of, term);
    Part { weight: name(Term::Weight), bias: Some(name(Term::Bias)), out }
}
