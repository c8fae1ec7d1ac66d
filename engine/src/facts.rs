//! What is worth showing about a model: its size, its shape, its types.

use std::collections::BTreeMap;

use scheduler::Token;

use crate::checkpoint::Contents;

/// Facts for logs, `/v1/models` and the memory plan's reader.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFacts {
    /// Such as `llama`.
    pub architecture: String,
    /// Numbers in all tensors of the files.
    pub parameters: u64,
    /// Bytes of the weight files.
    pub file_bytes: u64,
    /// Stored types with the number of tensors of each, the most frequent first.
    pub tensor_types: Vec<(String, usize)>,
    /// Positions the model was made for.
    pub max_positions: usize,
    /// Tokens in the vocabulary.
    pub vocab_size: usize,
    /// Layers.
    pub num_layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Query heads.
    pub num_heads: usize,
    /// Key and value heads.
    pub num_kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Token that begins a text.
    pub bos_id: Option<Token>,
    /// Tokens that end a text.
    pub eos_ids: Vec<Token>,
    /// 12 hexadecimal digits that stay the same as long as headers and sizes do.
    pub fingerprint: String,
}

impl ModelFacts {
    pub(crate) fn new(contents: &Contents) -> Self {
        let config = &contents.config;
        Self {
            architecture: config.architecture().to_owned(),
            parameters: contents.tensors.values().map(|tensor| tensor.elements() as u64).sum(),
            file_bytes: contents.file_bytes,
            tensor_types: tensor_types(contents),
            max_positions: config.max_positions(),
            vocab_size: config.vocab_size(),
            num_layers: config.num_layers(),
            hidden_size: config.hidden_size(),
            num_heads: config.num_heads(),
            num_kv_heads: config.num_kv_heads(),
            head_dim: config.head_dim(),
            bos_id: contents.bos_id,
            eos_ids: contents.eos_ids.clone(),
            fingerprint: contents.fingerprint.to_string(),
        }
    }
}

fn tensor_types(contents: &Contents) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for tensor in contents.tensors.values() {
        *counts.entry(tensor.block_type().name()).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
