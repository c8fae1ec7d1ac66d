//! A decoder's configuration from GGUF metadata and from the tensors beside it.
//!
//! Keys in the architecture's namespace that are not known here are errors: they could change the numbers.

mod gemma;
mod rope;
mod window;

use scheduler::Token;

use super::families::{Family, Fused, Turned};
use super::{AttentionBias, DecoderConfig, LayerOrder, NormConfig, NormKind, StreamNorms, range};
use crate::checkpoint::TensorMap;
use crate::error::LoadError;
use crate::fused;
use crate::gguf::{Metadata, end_ids, special_id};
use crate::pooling::{PoolingConfig, PoolingKind};
use crate::weight_name::{LayerWeight, Naming, WeightName};

/// Keys, without the namespace, that are read of every family or that change no number.
const KNOWN_KEYS: &[&str] = &[
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
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
    /// Gate and up are stored as one matrix.
    pub(crate) fused_gate: bool,
}

/// Reads the configuration and checks the numbers against each other.
pub(crate) fn decoder_config(metadata: &Metadata, tensors: &TensorMap) -> Result<GgufConfig, LoadError> {
    let keys = Keys::new(metadata)?;
    keys.check_names()?;
    check_unread(tensors, keys.family)?;
    let hidden_size = keys.count("embedding_length", range::WIDTH)?;
    let num_heads = keys.count("attention.head_count", range::HEADS)?;
    let head_dim = keys.head_dim(hidden_size, num_heads)?;
    let turned_dim = keys.turned_dim(head_dim)?;
    let num_layers = keys.count("block_count", range::LAYERS)?;
    let has = |name: WeightName| tensors.contains_key(&name.stored(Naming::Gguf));
    let in_first_layer = |weight| has(WeightName::Layer(0, weight));
    let fused_bias = fused::gguf_query_key_value_bias(0);
    let has_input_bias = in_first_layer(LayerWeight::QueryBias) || tensors.contains_key(&fused_bias);
    let [attention_softcap, logit_softcap] = gemma::caps(&keys)?;
    let score_width = gemma::score_width(&keys, num_layers, hidden_size / num_heads);
    let is_gemma = keys.family.gemma.is_some();
    let config = DecoderConfig {
        architecture: keys.architecture.to_owned(),
        vocab_size: keys.vocab_size(tensors)?,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads: keys.num_kv_heads(num_heads)?,
        head_dim,
        intermediate_size: keys.count("feed_forward_length", range::WIDTH)?,
        max_positions: keys.count("context_length", range::POSITIONS)?,
        norms: NormConfig {
            kind: NormKind::RootMeanSquare,
            stream: StreamNorms::Before,
            eps: keys.norm_eps()?,
            less_one: false,
            of_heads: keys.family.head_norms.unsaid(),
            of_outputs: keys.family.gemma.is_some_and(|gemma| gemma.output_norms),
            of_embedding: false,
        },
        rope: rope::read(&keys, tensors, turned_dim)?,
        slopes: None,
        turned_dim,
        local_rope: rope::read_local(&keys)?,
        order: LayerOrder::InTurn,
        tied_embeddings: !has(WeightName::Output),
        attention_bias: match [has_input_bias, in_first_layer(LayerWeight::AttentionOutputBias)] {
            [_, true] => AttentionBias::All,
            [true, false] => AttentionBias::QueryKeyValue,
            [false, false] => AttentionBias::None,
        },
        mlp_bias: in_first_layer(LayerWeight::GateBias),
        head_bias: false,
        activation: keys.family.activation(),
        gated_mlp: keys.family.gated_mlp,
        experts: None,
        attention_clip: None,
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
        fused_gate: keys.family.fused == Fused::Rows,
        config,
    })
}

/// Tensors of other models would be passed over in silence; of these it is known what they change.
fn check_unread(tensors: &TensorMap, family: &Family) -> Result<(), LoadError> {
    let factors = rope::FACTORS.into_iter().filter(|_| !family.long_rope);
    match std::iter::once("output.bias").chain(factors).find_map(|name| tensors.get(name)) {
        Some(tensor) => Err(tensor.error("is not supported, and the numbers would differ without it")),
        None => Ok(()),
    }
}

/// The metadata, seen through an architecture's namespace.
struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
    family: &'static Family,
}

impl<'a> Keys<'a> {
    fn new(metadata: &'a Metadata) -> Result<Self, LoadError> {
        const KEY: &str = "general.architecture";
        let architecture = metadata.text(KEY)?;
        let refused = || metadata.error(KEY, Family::refusal_of_gguf(architecture));
        Ok(Self { metadata, architecture, family: Family::of_gguf(architecture).ok_or_else(refused)? })
    }

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

    fn check_names(&self) -> Result<(), LoadError> {
        for key in self.metadata.keys() {
            let Some((namespace, rest)) = key.split_once('.') else {
                continue;
            };
            let is_known = KNOWN_KEYS.contains(&rest) || self.family.gguf_keys.contains(&rest);
            if namespace != self.architecture || is_known {
                continue;
            }
            // dense models may say that they have no experts
            let is_expert_count = rest == "expert_count" || rest == "expert_used_count";
            if !is_expert_count || self.metadata.optional_count(key, 0..=u64::MAX)? != Some(0) {
                return Err(self.metadata.error(key, "is not known, and what it changes cannot be guessed"));
            }
        }
        Ok(())
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

    fn norm_eps(&self) -> Result<f32, LoadError> {
        const KEY: &str = "attention.layer_norm_rms_epsilon";
        let number = self.metadata.optional_number(&self.full(KEY))?;
        let number = number.ok_or_else(|| self.error(KEY, "is missing"))?;
        range::epsilon(number).map_err(|reason| self.error(KEY, reason))
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
