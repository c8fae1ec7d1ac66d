//! The one configurable decoder: a family is a table of facts in its configuration, none has code of its own.
//!
//! h = x + attention(norm(x)); y = h + mlp(norm(h)); after the last layer a norm and the head, for the rows that
//! sample alone.

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::layers::attention::{Attention, AttentionScratch, Batch};
use crate::layers::linear::{Linear, Part};
use crate::layers::mlp::{Mlp, MlpScratch};
use crate::layers::norm::Norm;
use crate::model::Model;
use crate::ops;
use crate::ops::rope::Rope;
use crate::weight_name::{LayerWeight, WeightName};

/// Weights and scratch of a decoder.
#[derive(Debug)]
pub(crate) struct Decoder {
    hidden_size: usize,
    rope: Rope,
    layers: Vec<Layer>,
    norm: Norm,
    embedding: Linear,
    /// `None` where the embedding's rows are the head's.
    head: Option<Linear>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Norm,
    attention: Attention,
    mlp_norm: Norm,
    mlp: Mlp,
}

#[derive(Debug, Default)]
struct Scratch {
    attention: AttentionScratch,
    mlp: MlpScratch,
    /// The residual stream, `[tokens, hidden]`.
    stream: Vec<f32>,
    /// `[tokens, hidden]`
    normed: Vec<f32>,
    /// What a layer adds to the stream, `[tokens, hidden]`.
    update: Vec<f32>,
}

impl Decoder {
    pub(crate) fn load(checkpoint: &Checkpoint, cpu: &Cpu) -> Result<Self, LoadError> {
        let config = checkpoint.config();
        let rows = |weight| Part { weight, bias: None, out: config.vocab_size };
        let embedding = Linear::load(checkpoint, cpu, &[rows(WeightName::TokenEmbedding)], config.hidden_size)?;
        let head = if config.tied_embeddings {
            None
        } else {
            Some(Linear::load(checkpoint, cpu, &[rows(WeightName::Output)], config.hidden_size)?)
        };
        Ok(Self {
            hidden_size: config.hidden_size,
            rope: Rope::new(&config.rope, config.head_dim),
            layers: (0..config.num_layers)
                .map(|layer| Layer::load(checkpoint, cpu, layer))
                .collect::<Result<_, _>>()?,
            norm: Norm::load(checkpoint, WeightName::OutputNorm)?,
            embedding,
            head,
            scratch: Scratch::default(),
        })
    }

    fn embed(&mut self, input: &ForwardInput<'_>) {
        let size = input.num_tokens() * self.hidden_size;
        for buffer in [&mut self.scratch.stream, &mut self.scratch.normed, &mut self.scratch.update] {
            buffer.resize(size, 0.0);
        }
        self.embedding.embed(&input.ids, &mut self.scratch.stream);
    }

    /// Norm and head of the rows that sample.
    fn head(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, logits: &mut Vec<f32>) {
        let Scratch { stream, normed, update, .. } = &mut self.scratch;
        let hidden = self.hidden_size;
        let rows = input.logit_rows.len();
        for (&row, place) in input.logit_rows.iter().zip(update.chunks_exact_mut(hidden)) {
            place.copy_from_slice(&stream[row * hidden..(row + 1) * hidden]);
        }
        self.norm.forward(cpu, &update[..rows * hidden], &mut normed[..rows * hidden]);
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        logits.resize(rows * head.out(), 0.0);
        head.forward(cpu, &normed[..rows * hidden], logits);
    }
}

impl Layer {
    fn load(checkpoint: &Checkpoint, cpu: &Cpu, layer: usize) -> Result<Self, LoadError> {
        Ok(Self {
            attention_norm: Norm::load(checkpoint, WeightName::Layer(layer, LayerWeight::AttentionNorm))?,
            attention: Attention::load(checkpoint, cpu, layer)?,
            mlp_norm: Norm::load(checkpoint, WeightName::Layer(layer, LayerWeight::MlpNorm))?,
            mlp: Mlp::load(checkpoint, cpu, layer)?,
        })
    }
}

impl Model for Decoder {
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, kv: &mut KvCache, logits: &mut Vec<f32>) {
        self.embed(input);
        let angles = self.rope.angles(input.positions.iter().copied());
        let Scratch { attention, mlp, stream, normed, update } = &mut self.scratch;
        let mut batch = Batch { input, angles: &angles, kv, scratch: attention };
        for layer in &self.layers {
            layer.attention_norm.forward(cpu, stream, normed);
            layer.attention.forward(cpu, normed, &mut batch, update);
            ops::add(cpu, stream, update);
            layer.mlp_norm.forward(cpu, stream, normed);
            layer.mlp.forward(cpu, normed, mlp, update);
            ops::add(cpu, stream, update);
        }
        self.head(cpu, input, logits);
    }
}
