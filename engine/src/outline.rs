//! A model of which only the configuration need be there: how large it is, and where it would fit.
//!
//! Sizes follow from the shape alone; what there is of weights says only how each matrix is stored. Nothing is loaded.

use std::fmt;
use std::path::Path;

use crate::block_type::BlockType;
use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::error::LoadError;
use crate::folder;
use crate::kv_cache::{HEAD_DIMS, is_head_dim};
use crate::memory_plan::{Fits, MemoryLimits, MemoryPlan, Sizes};
use crate::options::EngineOptions;
use crate::weight_name::WeightShape;

/// A model, with its weights or without.
#[derive(Debug)]
pub struct Outline {
    source: Source,
}

/// What says how matrices are stored.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each model")]
enum Source {
    /// Their files.
    Files(Checkpoint),
    /// The configuration alone.
    Config(ModelConfig, BlockType),
}

impl Outline {
    /// Reads a GGUF file, a folder, or a folder that has no weights yet.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let alone = if path.is_dir() { folder::outline(path)? } else { None };
        let source = match alone {
            Some((model, stored)) => Source::Config(model, stored),
            None => Source::Files(Checkpoint::open(path)?),
        };
        let outline = Self { source };
        let head_dim = outline.model().head_dim();
        if !is_head_dim(head_dim) {
            return Err(LoadError::file(path, format!("heads are {head_dim} wide, not {HEAD_DIMS}")));
        }
        Ok(outline)
    }

    /// What the model is.
    pub fn model(&self) -> &ModelConfig {
        match &self.source {
            Source::Files(checkpoint) => checkpoint.model(),
            Source::Config(model, _) => model,
        }
    }

    /// Whether the weights are there.
    pub fn has_weights(&self) -> bool {
        matches!(self.source, Source::Files(_))
    }

    /// Numbers of all weights that the model has.
    pub fn parameters(&self) -> u64 {
        let numbers = |(_, shape)| match shape {
            WeightShape::Matrix { rows, columns } => rows as u64 * columns as u64,
            WeightShape::Vector(len) => len as u64,
        };
        self.model().weights().into_iter().map(numbers).sum()
    }

    /// Plans for a machine where so many bytes may be taken; fails with the arithmetic if that is too little.
    pub fn plan(
        &self,
        options: &EngineOptions,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<MemoryPlan, LoadError> {
        MemoryPlan::of(self.model(), self.sizes(options), limits, available_bytes)
    }

    /// What would fit there; none for an encoder, which keeps nothing of a text.
    pub fn fits(&self, options: &EngineOptions, limits: &MemoryLimits, available_bytes: u64) -> Option<Fits> {
        match self.model() {
            ModelConfig::Decoder(config) => Some(Fits::new(config, self.sizes(options), limits, available_bytes)),
            ModelConfig::Encoder(_) => None,
        }
    }

    fn sizes(&self, options: &EngineOptions) -> Sizes {
        match &self.source {
            Source::Files(checkpoint) => Sizes::new(checkpoint, options),
            Source::Config(model, stored) => Sizes::stored_as(model, *stored, options),
        }
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let model = self.model();
        writeln!(formatter, "model      {}, {} parameters", model.architecture(), self.parameters())?;
        let (layers, hidden, vocabulary) = (model.num_layers(), model.hidden_size(), model.vocab_size());
        writeln!(formatter, "shape      {layers} layers, {hidden} wide, vocabulary {vocabulary}")?;
        let (heads, width, kv_heads) = (model.num_heads(), model.head_dim(), model.num_kv_heads());
        writeln!(formatter, "heads      {heads}, {width} wide, with {kv_heads} of keys and values")?;
        write!(formatter, "positions  {}", model.max_positions())?;
        if let Source::Config(_, stored) = &self.source {
            write!(formatter, "\nstored     {}, as config.json says: there are no weights here", stored.name())?;
        }
        Ok(())
    }
}
