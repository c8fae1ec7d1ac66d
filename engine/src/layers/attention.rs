//! Self-attention over the paged cache, with grouped heads and, as a rule, rotary positions.

use crate::config::HeadNorm;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kernels::cpu::score_rule::{ScoreRule, SlopeKind, Slopes};
use crate::kernels::cpu::store_kv::QueryKeyNorms;
use crate::kv_cache::KvCache;
use crate::layers::angles::LayerAngles;
use crate::layers::linear::{Linear, Part};
use crate::layers::norm::Norm;
use crate::layers::residual::Residual;
use crate::layers::stream_norm::StreamNorm;
use crate::ops;
use crate::ops::paged_attention::AttentionInput;
use crate::ops::tiled_rows::TiledRows;
use crate::ops::write_kv::QueryKeyRule;
use crate::weight_loader::WeightLoader;
use crate::weight_name::{HeadWeight, LayerWeight, WeightName};

/// Query, key and value are one linear layer, `[q; k; v]`.
#[derive(Debug)]
pub(crate) struct Attention {
    layer: usize,
    query_width: usize,
    heads: usize,
    rule: ScoreRule<'static>,
    /// Whether heads turn where those of the model do.
    turns: bool,
    /// Of each head, where scores fall with distance.
    slopes: Option<(SlopeKind, Vec<f32>)>,
    /// Queries, keys and values are held within this.
    clip: Option<f32>,
    head_norms: Option<HeadNorms>,
    qkv: Linear,
    output: Residual,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    /// `[tokens, (heads + 2 * kv_heads) * head_dim]`
    qkv: Vec<f32>,
    /// `[tokens, heads * head_dim]`
    attended: Vec<f32>,
    /// `[tokens, hidden]`
    result: Vec<f32>,
}

impl Attention {
    pub(crate) fn load(loader: &WeightLoader<'_>, layer: usize) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let query_width = config.num_heads * config.head_dim;
        let kv_width = config.num_kv_heads * config.head_dim;
        let of_layer = |weight| WeightName::Layer(layer, weight);
        let part =
            |weight, bias: Option<LayerWeight>, out| Part { weight: of_layer(weight), bias: bias.map(of_layer), out };
        let input = |weight, bias, out| part(weight, config.attention_bias.of_inputs().then_some(bias), out);
        let parts = [
            input(LayerWeight::Query, LayerWeight::QueryBias, query_width),
            input(LayerWeight::Key, LayerWeight::KeyBias, kv_width),
            input(LayerWeight::Value, LayerWeight::ValueBias, kv_width),
        ];
        let output_bias = config.attention_bias.of_output().then_some(LayerWeight::AttentionOutputBias);
        let output = part(LayerWeight::AttentionOutput, output_bias, config.hidden_size);
        Ok(Self {
            layer,
            query_width,
            heads: config.num_heads,
            rule: ScoreRule {
                softcap: config.attention_softcap,
                window: config.windows[layer],
                ..ScoreRule::scaled(config.attention_scale)
            },
            turns: config.turns[layer],
            slopes: config.slopes.map(|rule| (rule.kind, rule.of_heads(config.num_heads))),
            clip: config.attention_clip,
            head_norms: HeadNorms::load(loader, layer)?,
            qkv: Linear::load(loader, &parts, config.hidden_size)?,
            output: Residual::load(loader, output, query_width, of_layer(LayerWeight::AttentionOutputNorm))?,
        })
    }

    /// Writes the batch's keys and values, then adds the attention of the normed stream to the stream, `[tokens, hidden]`.
    pub(crate) fn forward(&self, cpu: &Cpu, norm: &StreamNorm, batch: &mut Batch<'_>, stream: &mut [f32]) {
        let tokens = batch.input.num_tokens();
        let AttentionScratch { qkv, attended, result } = &mut *batch.scratch;
        qkv.resize(tokens * self.qkv.out(), 0.0);
        attended.resize(tokens * self.query_width, 0.0);
        self.qkv.forward(cpu, norm.input(stream), batch.tiles, qkv);
        if let Some(most) = self.clip {
            for value in &mut *qkv {
                *value = value.clamp(-most, most);
            }
        }
        let sequences = batch.input.sequences_in(batch.kv.pool(self.layer));
        let norms = self.head_norms.as_ref().map(HeadNorms::row_norms);
        let angles = batch.angles.of(self.rule.window.is_some()).filter(|_| self.turns);
        let rule = QueryKeyRule { norms, angles };
        ops::write_kv(cpu, rule, sequences, qkv, batch.kv.layer_mut(self.layer));
        let input = AttentionInput { queries: qkv, sequences, kv: batch.kv.layer(self.layer) };
        let facts = ops::paged_attention::Attention { heads: self.heads, rule: self.rule() };
        ops::paged_attention(cpu, &facts, &input, attended);
        self.output.add(cpu, attended, (&mut *batch.tiles, result), stream);
        norm.finish(cpu, stream);
    }

    fn rule(&self) -> ScoreRule<'_> {
        let slopes = self.slopes.as_ref().map(|(kind, of_heads)| Slopes { of_heads, kind: *kind });
        ScoreRule { slopes, ..self.rule }
    }
}

/// Norms of heads of queries and keys.
#[derive(Debug)]
struct HeadNorms {
    query: Norm,
    key: Norm,
}

impl HeadNorms {
    /// Those of a layer, if it has some.
    fn load(loader: &WeightLoader<'_>, layer: usize) -> Result<Option<Self>, LoadError> {
        let (checkpoint, config) = (loader.checkpoint, loader.checkpoint.config());
        let shared = |weight| Norm::load(checkpoint, WeightName::Layer(layer, weight), config.head_dim);
        let each = |weight, heads: usize| {
            let own = (0..heads).map(|head| checkpoint.vector(WeightName::Head(layer, head, weight), config.head_dim));
            let weights = own.collect::<Result<Vec<_>, LoadError>>()?.concat();
            let no_bias = vec![0.0; weights.len()];
            Ok::<_, LoadError>(Norm::new(weights, Some(no_bias), config.norms.eps))
        };
        Ok(match config.norms.of_heads {
            HeadNorm::None => None,
            HeadNorm::Shared => {
                Some(Self { query: shared(LayerWeight::QueryNorm)?, key: shared(LayerWeight::KeyNorm)? })
            }
            HeadNorm::Each => Some(Self {
                query: each(HeadWeight::QueryNorm, config.num_heads)?,
                key: each(HeadWeight::KeyNorm, config.num_kv_heads)?,
            }),
        })
    }

    fn row_norms(&self) -> QueryKeyNorms<'_> {
        QueryKeyNorms { query: self.query.row_norm(), key: self.key.row_norm() }
    }
}

/// What all layers of a pass share.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) input: &'a ForwardInput<'a>,
    pub(crate) angles: &'a LayerAngles,
    pub(crate) kv: &'a mut KvCache,
    pub(crate) scratch: &'a mut AttentionScratch,
    pub(crate) tiles: &'a mut TiledRows,
}
