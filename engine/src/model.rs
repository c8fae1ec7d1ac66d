//! What the engine needs of a model, and which model a checkpoint is.

pub(crate) mod decoder;

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::weight_loader::WeightLoader;

/// A model that computes ragged batches over a paged cache.
pub(crate) trait Model: Send {
    /// Writes the batch's KV and fills `output` anew.
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, kv: &mut KvCache, output: &mut ForwardOutput);
}

/// What a pass gives beside the KV it writes. The memory of its logits is kept from one pass to the next.
#[derive(Debug, Default)]
pub(crate) struct ForwardOutput {
    /// Begins with `[input.logit_rows, vocab]`; it never shrinks.
    pub(crate) logits: Vec<f32>,
    /// One for each of `input.pooled`.
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// Reads the weights of a checkpoint. Every family that is served so far is one configurable decoder.
pub(crate) fn load(loader: &WeightLoader<'_>) -> Result<Box<dyn Model>, LoadError> {
    Ok(Box::new(decoder::Decoder::load(loader)?))
}
