//! What a model is: a decoder or an encoder, and what is asked of both.

use super::{DecoderConfig, EncoderConfig};
use crate::weight_name::{WeightName, WeightShape};

/// A model's shape and arithmetic.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one for each model")]
pub enum ModelConfig {
    /// It continues texts: each token sees those before it.
    Decoder(DecoderConfig),
    /// It reads texts: each token sees the whole text.
    Encoder(EncoderConfig),
}

impl ModelConfig {
    /// As the file names it, such as `llama`.
    pub fn architecture(&self) -> &str {
        match self {
            Self::Decoder(config) => &config.architecture,
            Self::Encoder(config) => config.architecture,
        }
    }

    /// Rows of the embedding.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Decoder(config) => config.vocab_size,
            Self::Encoder(config) => config.vocab_size,
        }
    }

    /// Width of the residual stream.
    pub fn hidden_size(&self) -> usize {
        match self {
            Self::Decoder(config) => config.hidden_size,
            Self::Encoder(config) => config.hidden_size,
        }
    }

    /// Layers.
    pub fn num_layers(&self) -> usize {
        match self {
            Self::Decoder(config) => config.num_layers,
            Self::Encoder(config) => config.num_layers,
        }
    }

    /// Query heads.
    pub fn num_heads(&self) -> usize {
        match self {
            Self::Decoder(config) => config.num_heads,
            Self::Encoder(config) => config.num_heads,
        }
    }

    /// Key and value heads.
    pub fn num_kv_heads(&self) -> usize {
        match self {
            Self::Decoder(config) => config.num_kv_heads,
            Self::Encoder(config) => config.num_heads,
        }
    }

    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        match self {
            Self::Decoder(config) => config.head_dim,
            Self::Encoder(config) => config.head_dim(),
        }
    }

    /// Most tokens of a text.
    pub fn max_positions(&self) -> usize {
        match self {
            Self::Decoder(config) => config.max_positions,
            Self::Encoder(config) => config.max_tokens,
        }
    }

    /// How many positions have learned rows that nothing stands in for; none where positions turn
    /// heads or bias scores, or texts are whole.
    pub(crate) fn learned_positions(&self) -> Option<usize> {
        match self {
            Self::Decoder(config) => config.learns_positions().then_some(config.max_positions),
            Self::Encoder(_) => None,
        }
    }

    /// See [`DecoderConfig::window`]; a token of an encoder sees its whole text.
    pub(crate) fn window(&self) -> Option<usize> {
        match self {
            Self::Decoder(config) => config.window(),
            Self::Encoder(_) => None,
        }
    }

    /// Every weight that the model has, and no other.
    pub(crate) fn weights(&self) -> Vec<(WeightName, WeightShape)> {
        match self {
            Self::Decoder(config) => {
                WeightName::all(config).into_iter().map(|name| (name, name.shape(config))).collect()
            }
            Self::Encoder(config) => crate::encoder_weight::all(config),
        }
    }
}
