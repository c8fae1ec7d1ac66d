//! What tokens are before the first layer: norm(word + type + position), or the word alone where no position is added.

use crate::config::{EncoderConfig, PositionRule, Positions};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The tables.
#[derive(Debug)]
pub(super) struct Embeddings {
    words: Linear,
    added: Option<Added>,
}

/// What is added to words, and the norm of the sum.
#[derive(Debug)]
struct Added {
    /// `[positions, hidden]`
    positions: Vec<f32>,
    rule: PositionRule,
    /// `[types, hidden]`; empty if kinds of text are not told apart.
    types: Vec<f32>,
    norm: Norm,
}

impl Embeddings {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let words = WeightName::Encoder(EncoderPart::Words, Term::Weight);
        let words = Part { weight: words, bias: None, out: config.vocab_size };
        let added = match config.positions {
            Positions::Table(rule) => Some(Added::load(loader, config, rule)?),
            Positions::Relative(_) => None,
        };
        Ok(Self { words: Linear::load(loader, &[words], config.hidden_size)?, added })
    }

    /// The vectors of words, which tell words too.
    pub(super) fn words(&self) -> &Linear {
        &self.words
    }

    /// Fills the stream `[tokens, hidden]`.
    pub(super) fn embed(&self, cpu: &Cpu, input: &ForwardInput<'_>, stream: &mut [f32]) {
        self.words.embed(cpu, &input.ids, stream);
        if let Some(added) = &self.added {
            added.add_to(cpu, input, stream);
        }
    }
}

impl Added {
    fn load(loader: &WeightLoader<'_>, config: &EncoderConfig, rule: PositionRule) -> Result<Self, LoadError> {
        let hidden = config.hidden_size;
        let has_types = config.num_types > 0;
        let types = has_types.then(|| table(loader, EncoderPart::Types, (config.num_types, hidden))).transpose()?;
        Ok(Self {
            positions: table(loader, EncoderPart::Positions, (rule.rows, hidden))?,
            rule,
            types: types.unwrap_or_default(),
            norm: norm(loader, config, EncoderPart::EmbeddingNorm)?,
        })
    }

    fn add_to(&self, cpu: &Cpu, input: &ForwardInput<'_>, stream: &mut [f32]) {
        let hidden = stream.len() / input.num_tokens();
        for (sequence, second) in input.sequences.iter().zip(&input.seconds) {
            let rows = self.rule.rows_of(&input.ids[sequence.rows.clone()]);
            let states = stream[sequence.rows.start * hidden..sequence.rows.end * hidden].chunks_exact_mut(hidden);
            for (index, (state, row)) in states.zip(rows).enumerate() {
                if let Some(of_type) = self.of_type(second.is_some_and(|second| index >= second), hidden) {
                    add(state, of_type);
                }
                add(state, &self.positions[row * hidden..][..hidden]);
            }
        }
        self.norm.apply(cpu, stream);
    }

    /// The vector of tokens of a first or a second text; a model may have one for both, or none.
    fn of_type(&self, is_second: bool, hidden: usize) -> Option<&[f32]> {
        let second = self.types.get(hidden..2 * hidden).filter(|_| is_second);
        second.or_else(|| self.types.get(..hidden))
    }
}

/// A norm of an encoder.
pub(super) fn norm(loader: &WeightLoader<'_>, config: &EncoderConfig, part: EncoderPart) -> Result<Norm, LoadError> {
    let vector = |term| loader.checkpoint.vector(WeightName::Encoder(part, term), config.hidden_size);
    Ok(Norm::new(vector(Term::Weight)?, Some(vector(Term::Bias)?), config.norm_eps))
}

fn table(loader: &WeightLoader<'_>, part: EncoderPart, (rows, columns): (usize, usize)) -> Result<Vec<f32>, LoadError> {
    let matrix = loader.checkpoint.matrix(WeightName::Encoder(part, Term::Weight), rows, columns)?;
    let mut values = vec![0.0; rows * columns];
    matrix.read_rows(0..rows, &mut values)?;
    Ok(values)
}

fn add(state: &mut [f32], other: &[f32]) {
    for (value, other) in state.iter_mut().zip(other) {
        *value += other;
    }
}
