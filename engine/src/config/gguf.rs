//! A decoder's configuration from GGUF metadata and from the tensors beside it.
//!
//! Keys in the architecture's namespace that are not known here are errors: they could change the numbers.

mod encoder;
mod experts;
mod gemma;
mod order;
mod rope;
mod slopes;
mod stored;
mod window;

pub(crate) use encoder::{KINDS_OF_TEXT, encoder_config};
use scheduler::Token;

use super::families::{Family, Turned, turns};
use super::{DecoderConfig, NormConfig, NormKind, StreamNorms, range};
use crate::checkpoint::TensorMap;
use crate::error::LoadError;
use crate::gguf::{Metadata, end_ids, special_id};
use crate::pooling::{PoolingConfig, PoolingKind};
use crate::weight_name::{Naming, WeightName};
use stored::Stored;

/// The key that names the architecture.
pub(crate) const ARCHITECTURE: &str = "general.architecture";

/// Keys, without the namespace, that are read of every family or that change no number.
const KNOWN_KEYS: &[&str] = &[
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "pooling_type",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scale_linear",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "tensor_data_layout",
    "vocab_size",
];

/// What a GGUF file says about its decoder.
#[derive(Debug)]
pub(crate) struct GgufConfig {
    pub(crate) config: DecoderConfig,
    pub(crate) bos_id: Option<Token>,
    pub(crate) eos_ids: Vec<Token>,
    pub(crate) pooling: PoolingConfig,
    pub(crate) family: &'static Family,
}

/// Reads the configuration and checks the numbers against each other.
pub(crate) fn decoder_config(metadata: &Metadata, tensors: &TensorMap) -> Result<GgufConfig, LoadError> {
    let keys = Keys::new(metadata)?;
    let (family, stored) = (keys.family, Stored(tensors));
    keys.check_names(&[KNOWN_KEYS, family.gguf_keys])?;
    stored.check_unread(family)?;
    let hidden_size = keys.count("embedding_length", range::WIDTH)?;
    let num_heads = keys.count("attention.head_count", range::HEADS)?;
    let head_dim = keys.head_dim(hidden_size, num_heads)?;
    let turned_dim = keys.turned_dim(head_dim)?;
    let num_layers = keys.count("block_count", range::LAYERS)?;
    let [attention_softcap, logit_softcap] = gemma::caps(&keys)?;
    let score_width = gemma::score_width(&keys, num_layers, hidden_size / num_heads);
    let is_gemma = family.gemma.is_some();
    let config = DecoderConfig {
        architecture: keys.architecture.to_owned(),
        vocab_size: keys.vocab_size(tensors)?,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads: keys.num_kv_heads(num_heads)?,
        head_dim,
        intermediate_size: experts::intermediate_size(&keys, &stored)?,
        max_positions: keys.count("context_length", range::POSITIONS)?,
        norms: NormConfig {
            kind: family.norm,
            stream: StreamNorms::Before,
            eps: keys.norm_eps()?,
            less_one: false,
            of_heads: stored.head_norms(family),
            of_outputs: family.gemma.is_some_and(|gemma| gemma.output_norms),
            of_embedding: family.embedding_norm,
        },
        rope: rope::read(&keys, tensors, turned_dim)?,
        slopes: slopes::read(&keys)?,
        turned_dim,
        local_rope: rope::read_local(&keys)?,
        turns: turns(family.still_every, num_layers),
        order: order::read(&keys, &stored)?,
        tied_embeddings: !stored.has(WeightName::Output),
        attention_bias: stored.attention_bias(),
        mlp_bias: stored.mlp_bias(),
        head_bias: family.head_bias,
        activation: family.activation(),
        gated_mlp: family.gated_mlp,
        experts: experts::read(&keys, &stored)?,
        attention_clip: keys.positive("attention.clamp_kqv")?,
        attention_scale: 1.0 / (score_width.unwrap_or(head_dim) as f32).sqrt(),
        attention_softcap,
        logit_softcap,
        embedding_scale: if is_gemma { (hidden_size as f32).sqrt() } else { 1.0 },
        windows: window::read(&keys, num_layers)?,
    };
    Ok(GgufConfig {
        bos_id: special_id(metadata, "tokenizer.ggml.bos_token_id", config.vocab_size)?,
        eos_ids: end_ids(metadata, config.vocab_size)?,
        pooling: keys.pooling()?,
        family,
        config,
    })
}

/// The metadata, seen through an architecture's namespace.
struct Keys<'a, F: 'static = Family> {
    metadata: &'a Metadata,
    architecture: &'a str,
    family: &'static F,
}

impl<F: 'static> Keys<'_, F> {
    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn error(&self, key: &str, reason: impl Into<String>) -> LoadError {
        self.metadata.error(&self.full(key), reason)
    }

    fn count(&self, key: &str, allowed: std::ops::RangeInclusive<u64>) -> Result<usize, LoadError> {
        self.metadata.count(&self.full(key), allowed)
    }

    fn optional_count(&self, key: &str) -> Result<Option<usize>, LoadError> {
        Ok(self.metadata.optional_count(&self.full(key), range::WIDTH)?.map(|count| count as usize))
    }

    fn positive(&self, key: &str) -> Result<Option<f32>, LoadError> {
        let number = self.metadata.optional_number(&self.full(key))?;
        number.map(range::positive).transpose().map_err(|reason| self.error(key, reason))
    }

    /// Fails on the first key in the architecture's namespace that stands in none of these lists.
    fn check_names(&self, known: &[&[&str]]) -> Result<(), LoadError> {
        for key in self.metadata.keys() {
            let Some((namespace, rest)) = key.split_once('.') else {
                continue;
            };
            let is_known = known.iter().any(|keys| keys.contains(&rest));
            if namespace != self.architecture || is_known {
                continue;
            }
            // dense models may say that they have no experts
            let is_expert_count = rest == experts::COUNT || rest == experts::PER_TOKEN;
            if !is_expert_count || self.metadata.optional_count(key, 0..=u64::MAX)? != Some(0) {
                return Err(self.metadata.error(key, "is not known, and what it changes cannot be guessed"));
            }
        }
        Ok(())
    }

    /// The embedding has a row for each token; the metadata may say the same number.
    fn vocab_size(&self, tensors: &TensorMap) -> Result<usize, LoadError> {
        let name = WeightName::TokenEmbedding.stored(Naming::Gguf);
        let Some(embedding) = tensors.get(&name) else {
            return Err(self.error("vocab_size", format!("tensor '{name}' is missing")));
        };
        let rows = embedding.shape()[0];
        range::whole(rows as u64, range::VOCABULARY).map_err(|reason| embedding.error(format!("rows: {reason}")))?;
        let key = self.full("vocab_size");
        if let Some(size) = self.metadata.optional_count(&key, range::VOCABULARY)?.filter(|&size| size != rows as u64) {
            return Err(self.error("vocab_size", format!("{size} tokens, the embedding has {rows} rows")));
        }
        Ok(rows)
    }

    fn epsilon(&self, key: &str) -> Result<f32, LoadError> {
        let number = self.metadata.optional_number(&self.full(key))?;
        let number = number.ok_or_else(|| self.error(key, "is missing"))?;
        range::epsilon(number).map_err(|reason| self.error(key, reason))
    }
}

impl<'a> Keys<'a> {
    fn new(metadata: &'a Metadata) -> Result<Self, LoadError> {
        let architecture = metadata.text(ARCHITECTURE)?;
        let refused = || metadata.error(ARCHITECTURE, Family::refusal_of_gguf(architecture));
        let family = Family::of_gguf(architecture).ok_or_else(refused)?;
        let experts = metadata.optional_count(&format!("{architecture}.{}", experts::COUNT), 0..=u64::MAX)?;
        let has_experts = experts.is_some_and(|count| count > 0);
        Ok(Self { metadata, architecture, family: if has_experts { family.with_experts() } else { family } })
    }

    fn num_kv_heads(&self, num_heads: usize) -> Result<usize, LoadError> {
        const KEY: &str = "attention.head_count_kv";
        let kv_heads = if self.metadata.contains(&self.full(KEY)) { self.count(KEY, range::HEADS)? } else { num_heads };
        range::kv_heads(kv_heads, num_heads, "head_count").map_err(|reason| self.error(KEY, reason))
    }

    fn head_dim(&self, hidden_size: usize, num_heads: usize) -> Result<usize, LoadError> {
        const KEY: &str = "attention.key_length";
        const VALUE_KEY: &str = "attention.value_length";
        let head_dim = match self.optional_count(KEY)? {
            Some(explicit) => range::head_dim(explicit).map_err(|reason| self.error(KEY, reason))?,
            None => range::computed_head_dim(hidden_size, num_heads)
                .map_err(|reason| self.error("embedding_length", reason))?,
        };
        if let Some(width) = self.optional_count(VALUE_KEY)?.filter(|&width| width != head_dim) {
            return Err(self.error(VALUE_KEY, format!("{width} is not the head's width {head_dim}")));
        }
        Ok(head_dim)
    }

    /// Elements of a head that turn: all, but in families of which a part may.
    fn turned_dim(&self, head_dim: usize) -> Result<usize, LoadError> {
        const KEY: &str = "rope.dimension_count";
        let said = self.optional_count(KEY)?.unwrap_or(head_dim);
        if self.family.turned == Turned::Whole && said != head_dim {
            return Err(self.error(KEY, format!("{said} is not the head's width {head_dim}")));
        }
        range::turned_dim(said, head_dim).map_err(|reason| self.error(KEY, reason))
    }

    /// That of the norms which the family has: some files give one for both kinds.
    fn norm_eps(&self) -> Result<f32, LoadError> {
        let key = match self.family.norm {
            NormKind::RootMeanSquare => "attention.layer_norm_rms_epsilon",
            NormKind::Layer | NormKind::UnbiasedLayer => "attention.layer_norm_epsilon",
        };
        self.epsilon(key)
    }

    /// llama.cpp's numbers; it makes every vector one of unit length.
    fn pooling(&self) -> Result<PoolingConfig, LoadError> {
        const NAMES: [&str; 5] = ["none", "mean", "cls", "last", "rank"];
        let number = self.metadata.optional_count(&self.full("pooling_type"), 0..=4)?;
        Ok(match number {
            None | Some(0 | 3) => PoolingConfig::OF_DECODERS,
            Some(other) => {
                let kind = PoolingKind::Other(format!("pooling_type {}", NAMES[other as usize]));
                PoolingConfig { kind, ..PoolingConfig::OF_DECODERS }
            }
        })
    }
}
