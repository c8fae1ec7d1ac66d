//! The one configurable decoder: a family is a table of facts in its configuration, none has code of its own.
//!
//! h = x + attention(norm(x)); y = h + mlp(norm(h)), in some families with a norm of what is added, scaled or normed
//! embeddings, learned positions or none, several MLPs and capped logits; GPT-1 norms the sums instead, and in some families
//! the MLP reads x as attention does. After the last layer a norm and the head, for the rows whose logits are wanted alone,
//! and a norm for the last rows of sequences that are pooled: what has read all of them is their vector. Or for more of their
//! rows, where each token's is wanted.

use std::sync::Arc;

use crate::config::{LayerOrder, StreamNorms};
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::expert_load::ExpertLoad;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::layers::angles::{LayerAngles, LayerRopes};
use crate::layers::attention::{Attention, AttentionScratch, Batch};
use crate::layers::experts::{Experts, ExpertsScratch};
use crate::layers::linear::{Linear, Part};
use crate::layers::mlp::{Mlp, MlpScratch};
use crate::layers::norm::Norm;
use crate::layers::positions::Positions;
use crate::layers::stream_norm::StreamNorm;
use crate::model::{ForwardOutput, Model};
use crate::ops;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::pause::Pause;
use crate::weight_loader::WeightLoader;
use crate::weight_name::{LayerWeight, WeightName};

/// Weights and scratch of a decoder.
#[derive(Debug)]
pub(crate) struct Decoder {
    hidden_size: usize,
    embedding_scale: f32,
    logit_softcap: Option<f32>,
    ropes: LayerRopes,
    layers: Vec<Layer>,
    /// `None` where the last layer leaves the stream normed.
    norm: Option<Norm>,
    embedding: Linear,
    embedding_norm: Option<Norm>,
    /// `None` where heads turn, or scores fall with distance.
    positions: Option<Positions>,
    /// `None` where the embedding's rows are the head's.
    head: Option<Linear>,
    kv: KvCache,
    expert_load: Option<Arc<ExpertLoad>>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Layer {
    attention_norm: StreamNorm,
    attention: Attention,
    /// `None` where the MLP reads through the attention's.
    mlp_norm: Option<StreamNorm>,
    mlp: LayerMlp,
}

#[derive(Debug)]
enum LayerMlp {
    /// Behind attention.
    One(Mlp),
    /// It reads what attention reads.
    Beside(Mlp),
    /// Behind attention.
    Several(Experts),
}

#[derive(Debug, Default)]
struct Scratch {
    attention: AttentionScratch,
    mlp: MlpScratch,
    experts: ExpertsScratch,
    /// The residual stream, `[tokens, hidden]`.
    stream: Vec<f32>,
    /// The stream's rows whose logits are wanted, `[rows, hidden]`.
    sampling: Vec<f32>,
    /// What goes into a linear layer.
    tiles: TiledRows,
    /// Of the step's positions.
    angles: LayerAngles,
}

impl Decoder {
    pub(crate) fn load(loader: &WeightLoader<'_>, kv: KvCache) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let head_bias = config.head_bias.then_some(WeightName::OutputBias);
        let rows = |weight, bias| Part { weight, bias, out: config.vocab_size };
        let tied_bias = head_bias.filter(|_| config.tied_embeddings);
        let embedding = Linear::load(loader, &[rows(WeightName::TokenEmbedding, tied_bias)], config.hidden_size)?;
        let head = if config.tied_embeddings {
            None
        } else {
            Some(Linear::load(loader, &[rows(WeightName::Output, head_bias)], config.hidden_size)?)
        };
        let norm = |name| Norm::load(loader.checkpoint, name, config.hidden_size);
        let is_normed_last = config.norms.stream == StreamNorms::Before;
        let expert_load = config.experts.map(|experts| Arc::new(ExpertLoad::new(experts.count)));
        let layer = |layer| Layer::load(loader, layer, expert_load.as_ref());
        Ok(Self {
            hidden_size: config.hidden_size,
            embedding_scale: config.embedding_scale,
            logit_softcap: config.logit_softcap,
            ropes: LayerRopes::new(
                [config.rope.as_ref(), config.local_rope.as_ref()],
                config.turned_dim,
                loader.longest_text,
            ),
            layers: (0..config.num_layers).map(layer).collect::<Result<_, _>>()?,
            norm: is_normed_last.then(|| norm(WeightName::OutputNorm)).transpose()?,
            embedding,
            embedding_norm: config.norms.of_embedding.then(|| norm(WeightName::EmbeddingNorm)).transpose()?,
            positions: config.learns_positions().then(|| Positions::load(loader)).transpose()?,
            head,
            kv,
            expert_load,
            scratch: Scratch::default(),
        })
    }

    fn embed(&mut self, cpu: &Cpu, input: &ForwardInput<'_>) {
        self.scratch.stream.resize(input.num_tokens() * self.hidden_size, 0.0);
        let stream = &mut self.scratch.stream;
        self.embedding.embed(cpu, &input.ids, stream);
        if self.embedding_scale != 1.0 {
            for value in &mut *stream {
                *value *= self.embedding_scale;
            }
        }
        if let Some(positions) = &mut self.positions {
            positions.add(cpu, &input.positions, stream);
        }
        if let Some(norm) = &self.embedding_norm {
            norm.apply(cpu, stream);
        }
    }

    /// Norm and head of the rows whose logits are wanted.
    fn head(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, logits: &mut Vec<f32>) {
        let Scratch { stream, sampling, tiles, .. } = &mut self.scratch;
        let hidden = self.hidden_size;
        sampling.clear();
        for &row in &input.logit_rows {
            sampling.extend_from_slice(&stream[row * hidden..(row + 1) * hidden]);
        }
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let wanted = input.logit_rows.len() * head.out();
        logits.resize(logits.len().max(wanted), 0.0);
        let rows = Input { x: sampling, norm: self.norm.as_ref().map(Norm::row_norm) };
        head.forward(cpu, rows, tiles, &mut logits[..wanted]);
        if let Some(cap) = self.logit_softcap {
            ops::softcap(cpu, cap, &mut logits[..wanted]);
        }
    }

    /// The normed last row of each pooled sequence, or all rows from one on.
    fn pool(&self, cpu: &Cpu, input: &ForwardInput<'_>, vectors: &mut Vec<Vec<f32>>) {
        let (hidden, stream) = (self.hidden_size, &self.scratch.stream);
        vectors.clear();
        for (&sequence, from) in input.pooled.iter().zip(&input.states_from) {
            let rows = &input.sequences[sequence].rows;
            let first = from.map_or(rows.end - 1, |from| rows.start + from);
            let mut vector = stream[first * hidden..rows.end * hidden].to_vec();
            if let Some(norm) = &self.norm {
                norm.apply(cpu, &mut vector);
            }
            vectors.push(vector);
        }
    }
}

impl Layer {
    fn load(loader: &WeightLoader<'_>, layer: usize, expert_load: Option<&Arc<ExpertLoad>>) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let norm = |weight| StreamNorm::load(loader, WeightName::Layer(layer, weight));
        let has_mlp_norm = config.order != LayerOrder::BesideOneNorm;
        Ok(Self {
            attention_norm: norm(LayerWeight::AttentionNorm)?,
            attention: Attention::load(loader, layer)?,
            mlp_norm: has_mlp_norm.then(|| norm(LayerWeight::MlpNorm)).transpose()?,
            mlp: match (config.experts_of(layer).zip(expert_load), config.order) {
                (Some((experts, load)), _) => {
                    LayerMlp::Several(Experts::load(loader, layer, experts, Arc::clone(load))?)
                }
                (None, LayerOrder::InTurn) => LayerMlp::One(Mlp::load(loader, layer)?),
                (None, LayerOrder::Beside | LayerOrder::BesideOneNorm) => LayerMlp::Beside(Mlp::load(loader, layer)?),
            },
        })
    }

    /// Adds what attention and MLP make of the stream, `[tokens, hidden]`, to it.
    fn forward(
        &self,
        cpu: &Cpu,
        batch: &mut Batch<'_>,
        (scratch, experts): (&mut MlpScratch, &mut ExpertsScratch),
        stream: &mut [f32],
    ) {
        let norm = self.mlp_norm.as_ref().unwrap_or(&self.attention_norm);
        if let LayerMlp::Beside(mlp) = &self.mlp {
            mlp.read(cpu, norm.input(stream), scratch, batch.tiles);
        }
        self.attention.forward(cpu, &self.attention_norm, batch, stream);
        match &self.mlp {
            LayerMlp::One(mlp) => {
                mlp.read(cpu, norm.input(stream), scratch, batch.tiles);
                mlp.add(cpu, scratch, batch.tiles, stream);
                norm.finish(cpu, stream);
            }
            LayerMlp::Beside(mlp) => mlp.add(cpu, scratch, batch.tiles, stream),
            LayerMlp::Several(mlps) => mlps.forward(cpu, (norm, stream), experts, batch.tiles),
        }
    }
}

impl Model for Decoder {
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, output: &mut ForwardOutput, pause: &mut Pause) {
        self.embed(cpu, input);
        let Scratch { attention, mlp, experts, stream, tiles, angles, .. } = &mut self.scratch;
        angles.fill(&self.ropes, &input.positions);
        let mut batch = Batch { input, angles, kv: &mut self.kv, scratch: attention, tiles };
        for layer in &self.layers {
            layer.forward(cpu, &mut batch, (&mut *mlp, &mut *experts), stream);
            pause.between_layers();
        }
        self.head(cpu, input, &mut output.logits);
        self.pool(cpu, input, &mut output.vectors);
    }

    fn cache(&mut self) -> Option<&mut KvCache> {
        Some(&mut self.kv)
    }

    fn expert_load(&self) -> Option<&Arc<ExpertLoad>> {
        self.expert_load.as_ref()
    }
}
