//! A model as it lies on disk, a `.gguf` file or a folder as hubs give it, behind one interface.
//!
//! Invariant: after `open` every tensor that the configuration asks for is there, with the right shape and type, inside
//! its file. No weight has been read by then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use scheduler::Token;

use crate::block_type::BlockType;
use crate::config::families::Family;
use crate::config::{DecoderConfig, ModelConfig};
use crate::error::{LoadError, shown};
use crate::facts::ModelFacts;
use crate::generation_defaults::GenerationDefaults;
use crate::gguf::Metadata;
use crate::pooling::PoolingConfig;
use crate::stored_matrix::{RowOrder, StoredMatrix, in_engine_order};
use crate::stored_tensor::StoredTensor;
use crate::tokenizer_source::TokenizerSource;
use crate::weight_name::{Naming, WeightName, WeightShape};
use crate::{folder, gguf};

/// The tensors of a model by the names of its format.
pub(crate) type TensorMap = BTreeMap<String, StoredTensor>;

/// An opened model: everything but the weights' numbers.
#[derive(Debug)]
pub struct Checkpoint {
    contents: Contents,
    facts: ModelFacts,
}

/// What either format gives.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The file, or the folder's `config.json`: named where a tensor is missing.
    pub(crate) path: PathBuf,
    pub(crate) naming: Naming,
    pub(crate) tensors: TensorMap,
    pub(crate) config: ModelConfig,
    pub(crate) bos_id: Option<Token>,
    pub(crate) eos_ids: Vec<Token>,
    pub(crate) chat_template: Option<String>,
    pub(crate) generation_defaults: GenerationDefaults,
    pub(crate) pooling: PoolingConfig,
    pub(crate) tokenizer: TokenizerParts,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) file_bytes: u64,
}

/// Where the tokenizer comes from; it is read when it is asked for.
#[derive(Debug)]
pub(crate) enum TokenizerParts {
    Gguf(Box<Metadata>),
    Folder(folder::TokenizerFiles),
}

impl Checkpoint {
    /// Reads and checks headers and configuration; fails with the file and the field or tensor that is wrong.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let contents = if path.is_dir() { folder::open(path)? } else { gguf::open(path)? };
        check_tensors(&contents)?;
        let facts = ModelFacts::new(&contents);
        Ok(Self { contents, facts })
    }

    /// What the model is.
    pub fn model(&self) -> &ModelConfig {
        &self.contents.config
    }

    /// The decoder's shape and arithmetic; panics if the model is no decoder.
    pub fn config(&self) -> &DecoderConfig {
        match &self.contents.config {
            ModelConfig::Decoder(config) => config,
            ModelConfig::Encoder(_) => panic!("only a decoder is asked for its configuration as one"),
        }
    }

    /// What is worth showing about the model.
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// Reads the parts of the tokenizer; fails if the model has none.
    pub fn tokenizer(&self) -> Result<TokenizerSource, LoadError> {
        match &self.contents.tokenizer {
            TokenizerParts::Gguf(metadata) => {
                gguf::vocabulary(metadata, self.contents.config.vocab_size()).map(TokenizerSource::Gguf)
            }
            TokenizerParts::Folder(files) => files.read(),
        }
    }

    /// The template that turns a chat into a prompt, if the model has one.
    pub fn chat_template(&self) -> Option<&str> {
        self.contents.chat_template.as_deref()
    }

    /// Sampling settings that the model's makers suggest.
    pub fn generation_defaults(&self) -> &GenerationDefaults {
        &self.contents.generation_defaults
    }

    /// How a text becomes one vector.
    pub fn pooling(&self) -> &PoolingConfig {
        &self.contents.pooling
    }

    /// The error for a model that opens and loads but cannot be used.
    pub(crate) fn unusable(&self, reason: &str) -> LoadError {
        LoadError::file(&self.contents.path, reason)
    }

    /// Whether the files hold this weight.
    pub fn has(&self, name: WeightName) -> bool {
        self.contents.tensors.contains_key(&name.stored(self.contents.naming))
    }

    /// What the numbers of a weight that [`Self::open`] found are stored as.
    pub(crate) fn block_type(&self, name: WeightName) -> BlockType {
        self.contents.tensors[&name.stored(self.contents.naming)].block_type()
    }

    /// A matrix `[rows, columns]`, to be read row by row; fails if it is missing or of another shape.
    pub fn matrix(&self, name: WeightName, rows: usize, columns: usize) -> Result<StoredMatrix, LoadError> {
        let tensor = self.contents.tensor(name, WeightShape::Matrix { rows, columns })?;
        StoredMatrix::new(tensor.clone(), self.contents.row_order(name))
    }

    /// Reads a vector of `len` numbers; fails if it is missing, of another length, or cannot be read.
    pub fn vector(&self, name: WeightName, len: usize) -> Result<Vec<f32>, LoadError> {
        let tensor = self.contents.tensor(name, WeightShape::Vector(len))?;
        let mut values = vec![0.0; len];
        tensor.read_vector(&mut values)?;
        Ok(in_engine_order(values, self.contents.row_order(name)))
    }
}

impl Contents {
    fn tensor(&self, name: WeightName, shape: WeightShape) -> Result<&StoredTensor, LoadError> {
        let stored = name.stored(self.naming);
        let tensor = self.tensors.get(&stored);
        let tensor = tensor.ok_or_else(|| LoadError::tensor(&self.path, &stored, "is missing"))?;
        let expected = match shape {
            WeightShape::Matrix { rows, columns } => vec![rows, columns],
            WeightShape::Vector(len) => vec![len],
        };
        if tensor.shape() == expected {
            return Ok(tensor);
        }
        Err(tensor.error(format!("shape {:?} is not {expected:?}, outermost dimension first", tensor.shape())))
    }

    fn row_order(&self, name: WeightName) -> RowOrder {
        let ModelConfig::Decoder(config) = &self.config else { return RowOrder::Halves };
        let is_paired = if self.naming == Naming::Gguf {
            Family::of_gguf(&config.architecture).is_some_and(|family| family.gguf_pairs)
        } else {
            Family::of_model_type(&config.architecture).is_some_and(|family| family.pairs)
        };
        if is_paired && name.is_rotated() {
            RowOrder::Pairs { head_dim: config.head_dim, turned_dim: config.turned_dim }
        } else {
            RowOrder::Halves
        }
    }
}

/// Every tensor that is needed, by name and shape; those that are not needed are listed in the log.
fn check_tensors(contents: &Contents) -> Result<(), LoadError> {
    let mut unknown: BTreeSet<&str> = contents.tensors.keys().map(String::as_str).collect();
    for name in ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"] {
        unknown.remove(name);
    }
    for (name, shape) in contents.config.weights() {
        contents.tensor(name, shape)?;
        unknown.remove(name.stored(contents.naming).as_str());
    }
    if !unknown.is_empty() {
        let names: Vec<_> = unknown.iter().take(8).map(|name| shown(name)).collect();
        tracing::warn!(count = unknown.len(), names = names.join(", "), "tensors that the model does not use");
    }
    Ok(())
}

pub(crate) use fingerprint::{Fingerprint, hash_header};

mod fingerprint;
