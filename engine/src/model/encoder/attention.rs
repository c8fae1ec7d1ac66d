//! How the tokens of a sequence see each other, in all layers.

use super::disentangled::DisentangledAttention;
use super::plain::{PlainAttention, PlainStep};
use super::relative::RelativeAttention;
use crate::config::{EncoderConfig, Positions};
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::ops::sequences::SequenceRows;
use crate::weight_loader::WeightLoader;

/// What scores are made of.
#[derive(Debug)]
pub(super) enum SelfAttention {
    /// Queries and keys.
    Plain(PlainAttention),
    /// Distances and segments too.
    Relative(RelativeAttention),
    /// Products with distances too.
    Disentangled(DisentangledAttention),
}

/// The same, told where a step's sequences lie.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Plain(PlainStep<'a>),
    Relative(&'a mut RelativeAttention, &'a [SequenceRows<'a>]),
    Disentangled(&'a DisentangledAttention, &'a [SequenceRows<'a>]),
}

impl SelfAttention {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        match &config.positions {
            Positions::Table(_) | Positions::Biased(_) | Positions::Rotary(_) => {
                PlainAttention::load(loader, config).map(Self::Plain)
            }
            Positions::Relative(rule) => RelativeAttention::load(loader, config, *rule).map(Self::Relative),
            Positions::Disentangled(rule) => DisentangledAttention::load(loader, config, rule).map(Self::Disentangled),
        }
    }

    pub(super) fn step<'a>(&'a mut self, input: &'a ForwardInput<'a>) -> Step<'a> {
        match self {
            Self::Plain(attention) => Step::Plain(attention.step(input)),
            Self::Relative(attention) => {
                attention.take_in(input);
                Step::Relative(attention, &input.sequences)
            }
            Self::Disentangled(attention) => Step::Disentangled(attention, &input.sequences),
        }
    }
}

impl Step<'_> {
    /// What the tokens take of each other in a layer `[tokens, hidden]`, by their queries, keys and values
    /// `[tokens, 3 * hidden]`.
    pub(super) fn attend(&mut self, cpu: &Cpu, layer: usize, qkv: &mut [f32], attended: &mut [f32]) {
        match self {
            Self::Plain(step) => step.attend(cpu, layer, qkv, attended),
            Self::Relative(attention, sequences) => attention.attend(cpu, layer, (sequences, qkv), attended),
            Self::Disentangled(attention, sequences) => attention.attend(cpu, layer, (sequences, qkv), attended),
        }
    }
}
