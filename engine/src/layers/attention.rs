//! Self-attention over the paged cache, with grouped heads and rotary positions.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kernels::cpu::score_rule::ScoreRule;
use crate::kv_cache::KvCache;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::ops;
use crate::ops::paged_attention::AttentionInput;
use crate::ops::rope::RopeAngles;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::{LayerWeight, WeightName};

/// Query, key and value are one linear layer, `[q; k; v]`.
#[derive(Debug)]
pub(crate) struct Attention {
    layer: usize,
    query_width: usize,
    heads: usize,
    scale: f32,
    qkv: Linear,
    output: Linear,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    /// `[tokens, (heads + 2 * kv_heads) * head_dim]`
    qkv: Vec<f32>,
    /// `[tokens, heads * head_dim]`
    attended: Vec<f32>,
}

impl Attention {
    pub(crate) fn load(loader: &WeightLoader<'_>, layer: usize) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let query_width = config.num_heads * config.head_dim;
        let kv_width = config.num_kv_heads * config.head_dim;
        let part = |weight, bias, out| Part {
            weight: WeightName::Layer(layer, weight),
            bias: config.attention_bias.then_some(WeightName::Layer(layer, bias)),
            out,
        };
        let parts = [
            part(LayerWeight::Query, LayerWeight::QueryBias, query_width),
            part(LayerWeight::Key, LayerWeight::KeyBias, kv_width),
            part(LayerWeight::Value, LayerWeight::ValueBias, kv_width),
        ];
        let output = part(LayerWeight::AttentionOutput, LayerWeight::AttentionOutputBias, config.hidden_size);
        Ok(Self {
            layer,
            query_width,
            heads: config.num_heads,
            scale: 1.0 / (config.head_dim as f32).sqrt(),
            qkv: Linear::load(loader, &parts, config.hidden_size)?,
            output: Linear::load(loader, &[output], query_width)?,
        })
    }

    /// Writes the batch's keys and values, then adds the attention of the normed stream to the stream, `[tokens, hidden]`.
    pub(crate) fn forward(&self, cpu: &Cpu, norm: &Norm, batch: &mut Batch<'_>, stream: &mut [f32]) {
        let tokens = batch.input.num_tokens();
        let AttentionScratch { qkv, attended } = &mut *batch.scratch;
        qkv.resize(tokens * self.qkv.out(), 0.0);
        attended.resize(tokens * self.query_width, 0.0);
        self.qkv.forward(cpu, norm.of(stream), batch.tiles, qkv);
        let sequences = &batch.input.sequences;
        ops::write_kv(cpu, batch.angles, sequences, qkv, batch.kv.layer_mut(self.layer));
        let input = AttentionInput { queries: qkv, sequences, kv: batch.kv.layer(self.layer) };
        let facts = ops::paged_attention::Attention { heads: self.heads, rule: ScoreRule::scaled(self.scale) };
        ops::paged_attention(cpu, &facts, &input, attended);
        self.output.add(cpu, Input { x: attended, norm: None }, batch.tiles, stream);
    }
}

/// What all layers of a pass share.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) input: &'a ForwardInput<'a>,
    pub(crate) angles: &'a RopeAngles,
    pub(crate) kv: &'a mut KvCache,
    pub(crate) scratch: &'a mut AttentionScratch,
    pub(crate) tiles: &'a mut TiledRows,
}
