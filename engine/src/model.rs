//! What the engine needs of a model, and which model a checkpoint is.

pub(crate) mod decoder;

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kv_cache::KvCache;
use crate::weight_loader::WeightLoader;

/// A model that computes ragged batches over a paged cache.
pub(crate) trait Model: Send {
    /// Writes the batch's KV and fills the beginning of `logits` with `[input.logit_rows, vocab]`; it never shrinks.
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, kv: &mut KvCache, logits: &mut Vec<f32>);
}

/// Reads the weights of a checkpoint. Every family that is served so far is one configurable decoder.
pub(crate) fn load(loader: &WeightLoader<'_>) -> Result<Box<dyn Model>, LoadError> {
    Ok(Box::new(decoder::Decoder::load(loader)?))
}
