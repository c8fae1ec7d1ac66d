//! The one configurable encoder: a family is a table of facts in its configuration, none has code of its own.
//!
//! x = norm(words + types + positions), or what a family has of it; then layer by layer. Each token sees those ahead of it,
//! so that a sequence is computed whole; what attention reads beside the stream lives as long as its layer, and the step's
//! sequences lie side by side unpadded.

mod attention;
mod disentangled;
mod embeddings;
mod label_head;
mod layer;
mod plain;
mod relative;
mod sines;
mod step_cache;
mod token_head;
mod transform;
mod vector;
mod words_head;

use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::config::{EncoderConfig, EncoderHead, StreamNorms};
use crate::cpu::Cpu;
use crate::encoder_weight::EncoderPart;
use crate::error::LoadError;
use crate::expert_load::ExpertLoad;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::layers::norm::Norm;
use crate::model::{ForwardOutput, Model};
use crate::pause::Pause;
use crate::pooling::PoolingKind;
use crate::weight_loader::WeightLoader;
use attention::SelfAttention;
use embeddings::{Embeddings, norm};
use label_head::LabelHead;
use layer::{Layer, LayerScratch};
pub(crate) use step_cache::BLOCK_SIZE;
use token_head::TokenHead;
use vector::Pooled;
use words_head::WordsHead;

/// Weights and scratch of an encoder.
#[derive(Debug)]
pub(crate) struct Encoder {
    hidden_size: usize,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    /// Behind the last layer, where layers norm what they read.
    last_norm: Option<Norm>,
    head: Head,
    attention: SelfAttention,
    /// The residual stream, `[tokens, hidden]`.
    stream: Vec<f32>,
    scratch: LayerScratch,
}

/// What is made of the last states of a sequence.
#[derive(Debug)]
enum Head {
    Vector(Pooled),
    Labels(LabelHead),
    Tokens(TokenHead),
    Words(WordsHead),
}

impl Encoder {
    pub(crate) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let has_last = config.stream_norms == StreamNorms::Before;
        Ok(Self {
            hidden_size: config.hidden_size,
            embeddings: Embeddings::load(loader, config)?,
            layers: (0..config.num_layers).map(|layer| Layer::load(loader, config, layer)).collect::<Result<_, _>>()?,
            last_norm: has_last.then(|| norm(loader, config, EncoderPart::LastNorm)).transpose()?,
            head: Head::load(loader, config)?,
            attention: SelfAttention::load(loader, config)?,
            stream: Vec::new(),
            scratch: LayerScratch::default(),
        })
    }

    /// Leaves the last states of all tokens in the stream.
    fn encode(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, pause: &mut Pause) {
        self.stream.resize(input.num_tokens() * self.hidden_size, 0.0);
        self.embeddings.embed(cpu, input, &mut self.stream);
        let mut step = self.attention.step(input);
        for layer in &self.layers {
            layer.forward(cpu, &mut step, &mut self.scratch, &mut self.stream);
            pause.between_layers();
        }
        if let Some(norm) = &self.last_norm {
            norm.apply(cpu, &mut self.stream);
        }
    }
}

impl Model for Encoder {
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, output: &mut ForwardOutput, pause: &mut Pause) {
        self.encode(cpu, input, pause);
        output.vectors.clear();
        let (hidden, stream) = (self.hidden_size, &self.stream);
        let rows = input.pooled.iter().map(|&sequence| &input.sequences[sequence].rows);
        match &mut self.head {
            Head::Vector(pooled) => {
                let told = rows.zip(&input.states_from).map(|(rows, from)| {
                    let states = states_of(stream, rows, hidden);
                    from.map_or_else(|| pooled.of(states, hidden), |from| states[from * hidden..].to_vec())
                });
                output.vectors.extend(told);
            }
            Head::Labels(head) => {
                let read: Vec<f32> = rows.flat_map(|rows| head.reads(states_of(stream, rows, hidden))).collect();
                output.vectors.extend(head.scores(cpu, &read));
            }
            Head::Tokens(head) => {
                let (scores, numbers) = head.scores(cpu, stream);
                output.vectors.extend(rows.map(|rows| states_of(scores, rows, numbers).to_vec()));
            }
            Head::Words(head) => {
                let words = self.embeddings.words();
                let scores = head.scores(cpu, words, (stream.as_slice(), input.asked.as_slice()));
                let before = |row: usize| input.asked.partition_point(|asked| *asked < row);
                let places = rows.map(|rows| before(rows.start)..before(rows.end));
                output.vectors.extend(places.map(|places| states_of(scores, &places, words.out()).to_vec()));
            }
        }
    }

    fn cache(&mut self) -> Option<&mut KvCache> {
        None
    }

    fn expert_load(&self) -> Option<&Arc<ExpertLoad>> {
        None
    }
}

impl Head {
    fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let of_tokens = |part, numbers| TokenHead::load(loader, config, (part, numbers));
        Ok(match &config.head {
            EncoderHead::Vector => Self::Vector(pooled(loader.checkpoint)?),
            EncoderHead::Labels(labels) => {
                Self::Labels(LabelHead::load(loader, config, [(EncoderPart::LabelOutput, labels)])?)
            }
            EncoderHead::Tasks(tasks) => {
                let outputs = tasks.iter().enumerate();
                let outputs = outputs.map(|(number, task)| (EncoderPart::TaskOutput(number), &task.labels));
                Self::Labels(LabelHead::load(loader, config, outputs)?)
            }
            EncoderHead::TokenLabels(labels) => Self::Tokens(of_tokens(EncoderPart::TokenLabels, labels.len())?),
            EncoderHead::Spans => Self::Tokens(of_tokens(EncoderPart::Spans, 2)?),
            EncoderHead::Words => Self::Words(WordsHead::load(loader, config)?),
        })
    }
}

/// These rows of `[rows, width]`.
fn states_of<'a>(states: &'a [f32], rows: &Range<usize>, width: usize) -> &'a [f32] {
    &states[rows.start * width..rows.end * width]
}

/// The rule of the checkpoint's vectors.
fn pooled(checkpoint: &Checkpoint) -> Result<Pooled, LoadError> {
    match &checkpoint.pooling().kind {
        PoolingKind::First => Ok(Pooled::First),
        PoolingKind::Last => Ok(Pooled::Last),
        PoolingKind::Mean => Ok(Pooled::Mean),
        PoolingKind::Max => Ok(Pooled::Max),
        PoolingKind::Other(kind) => {
            Err(checkpoint.unusable(&format!("its files ask for vectors by {kind}, which is not supported")))
        }
    }
}

#[cfg(test)]
mod tests;
