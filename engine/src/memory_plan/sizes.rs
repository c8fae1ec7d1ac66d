//! What the engine's options decide about memory: the bytes of all weights, as they are stored and as GGUF files could
//! hold them.

use super::arithmetic;
use crate::block_type::BlockType;
use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::config::families::{Family, Switch, turns};
use crate::kernels::cpu::bf16_tile::Bf16Dot;
use crate::kv_cache::KvDtype;
use crate::options::EngineOptions;
use crate::panels::PanelFormat;
use crate::weight_loader::held_format;
use crate::weight_name::WeightName;

/// What is offered where a model is too large: half of what halves take, and little more than a quarter.
pub(super) const QUANTISED: [BlockType; 2] = [BlockType::Q8_0, BlockType::Q4K];

/// What the engine's options decide about memory.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Bytes of all weights.
    pub(super) weights: u64,
    /// The same of a GGUF file of each [`QUANTISED`] type, if such files are read.
    pub(super) quantised: Option<[u64; 2]>,
    pub(super) kv_dtype: KvDtype,
}

impl Sizes {
    /// Of a model whose files say how each matrix is stored.
    pub(crate) fn new(checkpoint: &Checkpoint, options: &EngineOptions) -> Self {
        let has_bf16_dot = Bf16Dot::of(options.isa).is_some();
        Self::of(checkpoint.model(), options, |name, _| held_format(checkpoint, options.dtype, has_bf16_dot, name))
    }

    /// Of a model whose matrices are all stored as one type.
    pub(crate) fn stored_as(model: &ModelConfig, stored: BlockType, options: &EngineOptions) -> Self {
        Self::of(model, options, |name, columns| match name {
            WeightName::Encoder(part, _) if part.is_table() => PanelFormat::F32,
            _ => held_as(stored, columns, options),
        })
    }

    fn of(model: &ModelConfig, options: &EngineOptions, held: impl Fn(WeightName, usize) -> PanelFormat) -> Self {
        let quantised = |kind| arithmetic::weights_bytes(model, |_, columns| held_as(kind, columns, options));
        Self {
            weights: arithmetic::weights_bytes(model, held),
            quantised: reads_gguf(model).then(|| QUANTISED.map(quantised)),
            kv_dtype: options.kv_dtype,
        }
    }
}

/// What a matrix is held as where the others are stored as this type: rows that its blocks do not fill have smaller ones.
fn held_as(stored: BlockType, columns: usize, options: &EngineOptions) -> PanelFormat {
    let fitting = [stored, BlockType::Q8_0, BlockType::F16];
    let fitting = fitting.into_iter().find(|kind| columns.is_multiple_of(kind.elements()));
    PanelFormat::of(fitting.unwrap_or(BlockType::F16), options.dtype, Bf16Dot::of(options.isa).is_some())
}

fn reads_gguf(model: &ModelConfig) -> bool {
    let ModelConfig::Decoder(config) = model else { return false };
    let name = &config.architecture;
    let Some(family) = Family::of_model_type(name).or_else(|| Family::of_gguf(name)) else { return false };
    // Such files have no word for slopes where only some of a family have them, nor for layers that do not turn.
    let says_slopes = config.slopes.is_none() || matches!(family.slopes, Switch::Always(_));
    family.reads_gguf() && says_slopes && config.turns == turns(family.still_every, config.num_layers)
}
