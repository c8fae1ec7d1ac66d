//! How the tokens of a sequence see each other, in all layers.

use super::relative::RelativeAttention;
use super::step_cache::{LaidOut, StepCache};
use crate::config::{EncoderConfig, Positions};
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kernels::cpu::score_rule::{ScoreRule, Sight};
use crate::ops;
use crate::ops::paged_attention::{Attention, AttentionInput};
use crate::ops::sequences::SequenceRows;
use crate::ops::write_kv::QueryKeyRule;
use crate::weight_loader::WeightLoader;

/// What scores are made of.
#[derive(Debug)]
pub(super) enum SelfAttention {
    /// Queries and keys.
    Plain(Attention<'static>, StepCache),
    /// Distances and segments too.
    Relative(RelativeAttention),
}

/// The same, told where a step's sequences lie.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Plain(&'a Attention<'static>, LaidOut<'a>),
    Relative(&'a mut RelativeAttention, &'a [SequenceRows<'a>]),
}

impl SelfAttention {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        match config.positions {
            Positions::Table(_) => {
                let scale = 1.0 / (config.head_dim() as f32).sqrt();
                let rule = ScoreRule { sight: Sight::Both, ..ScoreRule::scaled(scale) };
                let cache = StepCache::new(config.num_heads, config.head_dim());
                Ok(Self::Plain(Attention { heads: config.num_heads, rule }, cache))
            }
            Positions::Relative(rule) => RelativeAttention::load(loader, config, rule).map(Self::Relative),
        }
    }

    pub(super) fn step<'a>(&'a mut self, input: &'a ForwardInput<'a>) -> Step<'a> {
        match self {
            Self::Plain(attention, cache) => Step::Plain(attention, cache.lay_out(&input.sequences)),
            Self::Relative(attention) => {
                attention.take_in(input);
                Step::Relative(attention, &input.sequences)
            }
        }
    }
}

impl Step<'_> {
    /// What the tokens take of each other in a layer `[tokens, hidden]`, by their queries, keys and values
    /// `[tokens, 3 * hidden]`.
    pub(super) fn attend(&mut self, cpu: &Cpu, layer: usize, qkv: &mut [f32], attended: &mut [f32]) {
        match self {
            Self::Plain(attention, laid_out) => {
                let sequences = &laid_out.sequences;
                ops::write_kv(cpu, QueryKeyRule { norms: None, angles: None }, sequences, qkv, laid_out.kv);
                let input = AttentionInput { queries: qkv, sequences, kv: laid_out.kv };
                ops::paged_attention(cpu, attention, &input, attended);
            }
            Self::Relative(attention, sequences) => attention.attend(cpu, layer, (sequences, qkv), attended),
        }
    }
}
