//! Attention whose scores are products of queries and keys, in all layers.

use super::step_cache::{LaidOut, StepCache};
use crate::config::{EncoderConfig, Positions, RotaryRule};
use crate::cpu::Cpu;
use crate::input::ForwardInput;
use crate::kernels::cpu::score_rule::{ScoreRule, Sight};
use crate::layers::angles::{LayerAngles, LayerRopes};
use crate::ops;
use crate::ops::paged_attention::{Attention, AttentionInput};
use crate::ops::write_kv::QueryKeyRule;

/// The rules, and what the layers of a step share.
#[derive(Debug)]
pub(super) struct PlainAttention {
    rules: Rules,
    ropes: LayerRopes,
    angles: LayerAngles,
    cache: StepCache,
}

/// What becomes of scores.
#[derive(Debug)]
struct Rules {
    heads: usize,
    scale: f32,
    /// Of each layer.
    windows: Vec<Option<usize>>,
}

/// The same, told where a step's sequences lie.
#[derive(Debug)]
pub(super) struct PlainStep<'a> {
    rules: &'a Rules,
    angles: &'a LayerAngles,
    laid_out: LaidOut<'a>,
}

impl PlainAttention {
    pub(super) fn new(config: &EncoderConfig) -> Self {
        let ropes = match &config.positions {
            Positions::Rotary(RotaryRule { all, local, .. }) => {
                LayerRopes::new(Some(all), local.as_ref(), config.head_dim())
            }
            Positions::Table(_) | Positions::Relative(_) => LayerRopes::new(None, None, config.head_dim()),
        };
        let scale = 1.0 / (config.head_dim() as f32).sqrt();
        Self {
            rules: Rules { heads: config.num_heads, scale, windows: config.windows.clone() },
            ropes,
            angles: LayerAngles::default(),
            cache: StepCache::new(config.num_heads, config.head_dim()),
        }
    }

    pub(super) fn step<'a>(&'a mut self, input: &ForwardInput<'_>) -> PlainStep<'a> {
        self.angles.fill(&self.ropes, &input.positions);
        PlainStep { rules: &self.rules, angles: &self.angles, laid_out: self.cache.lay_out(&input.sequences) }
    }
}

impl PlainStep<'_> {
    /// As [`super::attention::Step::attend`].
    pub(super) fn attend(&mut self, cpu: &Cpu, layer: usize, qkv: &mut [f32], attended: &mut [f32]) {
        let rule = self.rules.of(layer);
        let angles = self.angles.of(rule.window.is_some());
        let (sequences, kv) = (&self.laid_out.sequences, &mut *self.laid_out.kv);
        ops::write_kv(cpu, QueryKeyRule { norms: None, angles }, sequences, qkv, kv);
        let input = AttentionInput { queries: qkv, sequences, kv };
        ops::paged_attention(cpu, &Attention { heads: self.rules.heads, rule }, &input, attended);
    }
}

impl Rules {
    fn of(&self, layer: usize) -> ScoreRule<'_> {
        ScoreRule { sight: Sight::Both, window: self.windows[layer], ..ScoreRule::scaled(self.scale) }
    }
}
