//! What the engine needs of a model, and which model a checkpoint is.

pub(crate) mod decoder;
pub(crate) mod encoder;

use std::sync::Arc;

use crate::config::ModelConfig;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::expert_load::ExpertLoad;
use crate::input::ForwardInput;
use crate::kv_cache::{KvCache, KvGeometry};
use crate::pause::Pause;
use crate::weight_loader::WeightLoader;

/// A model that computes ragged batches.
pub(crate) trait Model: Send {
    /// Computes the batch and fills `output` anew, with a pause after each layer.
    fn forward(&mut self, cpu: &Cpu, input: &ForwardInput<'_>, output: &mut ForwardOutput, pause: &mut Pause);

    /// The keys and values of all blocks, if sequences hold any from one step to the next.
    fn cache(&mut self) -> Option<&mut KvCache>;

    /// What its experts have to do, if it has any.
    fn expert_load(&self) -> Option<&Arc<ExpertLoad>>;
}

/// What a pass gives. The memory of its logits is kept from one pass to the next.
#[derive(Debug, Default)]
pub(crate) struct ForwardOutput {
    /// Begins with `[input.logit_rows, vocab]`; it never shrinks.
    pub(crate) logits: Vec<f32>,
    /// One for each of `input.pooled`.
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// Reads the weights of a checkpoint; a cache, where the model has one, is of these sizes: so many blocks have those layers that
/// see a window, if they have a pool of their own.
pub(crate) fn load(
    loader: &WeightLoader<'_>,
    geometry: KvGeometry,
    windowed_blocks: Option<usize>,
) -> Result<Box<dyn Model>, LoadError> {
    Ok(match loader.checkpoint.model() {
        ModelConfig::Decoder(config) => {
            let cache = match windowed_blocks {
                Some(blocks) => KvCache::in_two_pools(geometry, blocks, &config.pools()),
                None => KvCache::new(geometry),
            };
            Box::new(decoder::Decoder::load(loader, cache)?)
        }
        ModelConfig::Encoder(config) => Box::new(encoder::Encoder::load(loader, config)?),
    })
}
