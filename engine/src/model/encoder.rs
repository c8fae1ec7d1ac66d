//! The one configurable encoder: a family is a table of facts in its configuration, none has code of its own.
//!
//! x = norm(words + types + positions), then layer by layer. Each token sees all of its sequence, so that a sequence is
//! computed whole; its keys and values live as long as their layer, and the step's sequences lie side by side unpadded.

mod embeddings;
mod label_head;
mod layer;
mod step_cache;
mod vector;

use crate::checkpoint::Checkpoint;
use crate::config::{EncoderConfig, EncoderHead};
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::model::{ForwardOutput, Model};
use crate::pooling::PoolingKind;
use crate::weight_loader::WeightLoader;
use embeddings::Embeddings;
use label_head::LabelHead;
use layer::{Layer, LayerScratch};
use step_cache::StepCache;
use vector::Pooled;

/// Weights and scratch of an encoder.
#[derive(Debug)]
pub(crate) struct Encoder {
    hidden_size: usize,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    head: Head,
    cache: StepCache,
    /// The residual stream, `[tokens, hidden]`.
    stream: Vec<f32>,
    scratch: LayerScratch,
}

/// What is made of the last states of a sequence.
#[derive(Debug)]
enum Head {
    Vector(Pooled),
    Labels(LabelHead),
}

impl Encoder {
    pub(crate) fn load(loader: &WeightLoader<'_>, config: &EncoderConfig) -> Result<Self, LoadError> {
        let head = match &config.head {
            EncoderHead::Vector => Head::Vector(pooled(loader.checkpoint)?),
            EncoderHead::Labels(labels) => Head::Labels(LabelHead::load(loader, config, labels)?),
        };
        Ok(Self {
            hidden_size: config.hidden_size,
            embeddings: Embeddings::load(loader, config)?,
            layers: (0..config.num_layers).map(|layer| Layer::load(loader, config, layer)).collect::<Result<_, _>>()?,
            head,
            cache: StepCache::new(config.num_heads, config.head_dim()),
            stream: Vec::new(),
            scratch: LayerScratch::default(),
        })
    }

    /// Leaves the last states of all tokens in the stream.
    fn encode(&mut self, cpu: &Cpu, input: &ForwardInput<'_>) {
        self.stream.resize(input.num_tokens() * self.hidden_size, 0.0);
        self.embeddings.embed(cpu, input, &mut self.stream);
        let mut laid_out = self.cache.lay_out(&input.sequences);
        for layer in &self.layers {
            layer.forward(cpu, &mut laid_out, &mut self.scratch, &mut self.stream);
        }
    }
}

impl Model for Encoder {
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, output: &mut ForwardOutput) {
        self.encode(cpu, input);
        output.vectors.clear();
        let (hidden, stream) = (self.hidden_size, &self.stream);
        let states = input.pooled.iter().map(|&sequence| {
            let rows = &input.sequences[sequence].rows;
            &stream[rows.start * hidden..rows.end * hidden]
        });
        match &mut self.head {
            Head::Vector(pooled) => output.vectors.extend(states.map(|states| pooled.of(states, hidden))),
            Head::Labels(head) => {
                let firsts: Vec<f32> = states.flat_map(|states| &states[..hidden]).copied().collect();
                output.vectors.extend(head.scores(cpu, &firsts));
            }
        }
    }

    fn cache(&mut self) -> Option<&mut KvCache> {
        None
    }
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
