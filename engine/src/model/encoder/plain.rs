//! Attention whose scores are products of queries and keys, in all layers.

use super::embeddings::table;
use super::step_cache::{LaidOut, StepCache};
use crate::config::distance_bias::{BUCKETS, COLUMNS, REACH, bucket};
use crate::config::{EncoderConfig, Positions, RotaryRule};
use crate::cpu::Cpu;
use crate::encoder_weight::EncoderPart;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kernels::cpu::score_rule::{DistanceBias, ScoreRule, Sight};
use crate::layers::angles::{LayerAngles, LayerRopes};
use crate::ops;
use crate::ops::paged_attention::{Attention, AttentionInput};
use crate::ops::write_kv::QueryKeyRule;
use crate::weight_loader::WeightLoader;

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
    /// `[heads, columns]`, where scores get a number for each distance.
    bias: Option<Vec<f32>>,
}

/// The same, told where a step's sequences lie.
#[derive(Debug)]
pub(super) struct PlainStep<'a> {
    rules: &'a Rules,
    angles: &'a LayerAngles,
    laid_out: LaidOut<'a>,
}

impl PlainAttention {
    pub(super) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let (heads, head_dim) = (config.num_heads, config.head_dim());
        let turns = match &config.positions {
            Positions::Rotary(RotaryRule { all, local, .. }) => [Some(all), local.as_ref()],
            _ => [None, None],
        };
        let is_biased = matches!(config.positions, Positions::Biased(_));
        let rules = Rules {
            heads,
            scale: 1.0 / (head_dim as f32).sqrt(),
            windows: config.windows.clone(),
            bias: is_biased.then(|| bias(loader, heads)).transpose()?,
        };
        let ropes = LayerRopes::new(turns, head_dim, loader.longest_text);
        Ok(Self { rules, ropes, angles: LayerAngles::default(), cache: StepCache::new(heads, head_dim) })
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
        let bias = self.bias.as_ref().map(|values| DistanceBias { values, columns: COLUMNS, own: REACH });
        ScoreRule { sight: Sight::Both, window: self.windows[layer], bias, ..ScoreRule::scaled(self.scale) }
    }
}

/// The numbers of all distances, head by head `[heads, columns]`.
fn bias(loader: &WeightLoader<'_>, heads: usize) -> Result<Vec<f32>, LoadError> {
    let stored = table(loader, EncoderPart::DistanceBias, (BUCKETS, heads))?;
    let of_head = |head: usize| (0..COLUMNS).map(move |column| bucket(column) * heads + head);
    Ok((0..heads).flat_map(of_head).map(|place| stored[place]).collect())
}
