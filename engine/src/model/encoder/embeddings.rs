//! What tokens are before the first layer: norm(word + type + position), or less of it.

use scheduler::Token;

use crate::config::{EncoderConfig, PositionRule};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderPart, Term};
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The tables, and the norm of their sum.
#[derive(Debug)]
pub(super) struct Embeddings {
    words: Linear,
    /// `[types, hidden]`; empty if kinds of text are not told apart.
    types: Vec<f32>,
    /// `[positions, hidden]`, and which row a token takes, where rows are added.
    positions: Option<(Vec<f32>, PositionRule)>,
    norm: Option<Norm>,
}

impl Embeddings {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let hidden = config.hidden_size;
        let words = WeightName::Encoder(EncoderPart::Words, Term::Weight);
        let words = Part { weight: words, bias: None, out: config.vocab_size };
        let types = (config.num_types > 0).then(|| table(loader, EncoderPart::Types, (config.num_types, hidden)));
        let positions = config.positions.table().map(|rule| {
            let rows = table(loader, EncoderPart::Positions, (rule.rows, hidden))?;
            Ok::<_, LoadError>((rows, rule))
        });
        let norm = config.positions.embedding_norm().then(|| norm(loader, config, EncoderPart::EmbeddingNorm));
        Ok(Self {
            words: Linear::load(loader, &[words], hidden)?,
            types: types.transpose()?.unwrap_or_default(),
            positions: positions.transpose()?,
            norm: norm.transpose()?,
        })
    }

    /// The vectors of words, which tell words too.
    pub(super) fn words(&self) -> &Linear {
        &self.words
    }

    /// Fills the stream `[tokens, hidden]`.
    pub(super) fn embed(&self, cpu: &Cpu, input: &ForwardInput<'_>, stream: &mut [f32]) {
        let hidden = self.words.columns();
        self.words.embed(cpu, &input.ids, stream);
        for (sequence, second) in input.sequences.iter().zip(&input.seconds) {
            let states = &mut stream[sequence.rows.start * hidden..sequence.rows.end * hidden];
            self.add_types(hidden, states, *second);
            self.add_positions(hidden, states, &input.ids[sequence.rows.clone()]);
        }
        if let Some(norm) = &self.norm {
            norm.apply(cpu, stream);
        }
    }

    fn add_types(&self, hidden: usize, states: &mut [f32], second: Option<usize>) {
        for (index, state) in states.chunks_exact_mut(hidden).enumerate() {
            if let Some(of_type) = self.of_type(second.is_some_and(|second| index >= second), hidden) {
                add(state, of_type);
            }
        }
    }

    fn add_positions(&self, hidden: usize, states: &mut [f32], tokens: &[Token]) {
        if let Some((positions, rule)) = &self.positions {
            for (state, row) in states.chunks_exact_mut(hidden).zip(rule.rows_of(tokens)) {
                add(state, &positions[row * hidden..][..hidden]);
            }
        }
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
    // a bias of zeros is none, and says by what rows are divided
    let bias = if config.biases.of_norms() { vector(Term::Bias)? } else { vec![0.0; config.hidden_size] };
    Ok(Norm::new(vector(Term::Weight)?, Some(bias), config.norm_eps))
}

/// The rows of a table.
pub(super) fn table(
    loader: &WeightLoader<'_>,
    part: EncoderPart,
    (rows, columns): (usize, usize),
) -> Result<Vec<f32>, LoadError> {
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
