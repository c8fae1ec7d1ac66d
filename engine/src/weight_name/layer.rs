//! The weights of one layer of a decoder.

use super::WeightShape;
use crate::config::{DecoderConfig, ExpertsConfig, HeadNorm, LayerOrder, NormKind};

/// A weight of one layer. Matrices are `[out, in]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerWeight {
    /// Norm before attention `[hidden]`.
    AttentionNorm,
    /// `[hidden]`.
    AttentionNormBias,
    /// `[heads * head_dim, hidden]`.
    Query,
    /// `[kv_heads * head_dim, hidden]`.
    Key,
    /// `[kv_heads * head_dim, hidden]`.
    Value,
    /// `[hidden, heads * head_dim]`.
    AttentionOutput,
    /// `[heads * head_dim]`.
    QueryBias,
    /// `[kv_heads * head_dim]`.
    KeyBias,
    /// `[kv_heads * head_dim]`.
    ValueBias,
    /// `[hidden]`.
    AttentionOutputBias,
    /// Norm of each query head `[head_dim]`.
    QueryNorm,
    /// Norm of each key head `[head_dim]`.
    KeyNorm,
    /// Norm of the attention's result `[hidden]`.
    AttentionOutputNorm,
    /// Norm before the MLP `[hidden]`.
    MlpNorm,
    /// `[hidden]`.
    MlpNormBias,
    /// Norm of the MLP's result `[hidden]`.
    MlpOutputNorm,
    /// What scores the experts `[experts, hidden]`.
    Router,
    /// What says how much of the expert that every token takes one takes `[1, hidden]`.
    SharedRouter,
    /// Of that expert `[shared, hidden]`.
    SharedGate,
    /// Of that expert `[shared, hidden]`.
    SharedUp,
    /// Of that expert `[hidden, shared]`.
    SharedDown,
    /// `[intermediate, hidden]`.
    Gate,
    /// `[intermediate, hidden]`.
    Up,
    /// `[hidden, intermediate]`.
    Down,
    /// `[intermediate]`.
    GateBias,
    /// `[intermediate]`.
    UpBias,
    /// `[hidden]`.
    DownBias,
}

impl LayerWeight {
    /// Those of a layer that has these experts, or one MLP.
    pub(super) fn all(config: &DecoderConfig, experts: Option<ExpertsConfig>) -> Vec<Self> {
        use LayerWeight as W;
        let mut weights = vec![W::AttentionNorm, W::Query, W::Key, W::Value, W::AttentionOutput];
        let norm_biases = config.norms.kind == NormKind::Layer;
        weights.extend(norm_biases.then_some(W::AttentionNormBias));
        if config.order != LayerOrder::BesideOneNorm {
            weights.push(W::MlpNorm);
            weights.extend(norm_biases.then_some(W::MlpNormBias));
        }
        if config.attention_bias.of_inputs() {
            weights.extend([W::QueryBias, W::KeyBias, W::ValueBias]);
        }
        weights.extend(config.attention_bias.of_output().then_some(W::AttentionOutputBias));
        if config.norms.of_outputs {
            weights.extend([W::AttentionOutputNorm, W::MlpOutputNorm]);
        }
        if config.norms.of_heads == HeadNorm::Shared {
            weights.extend([W::QueryNorm, W::KeyNorm]);
        }
        if let Some(experts) = experts {
            weights.push(W::Router);
            if experts.shared.is_some() {
                weights.extend(experts.shared_gate.then_some(W::SharedRouter));
                weights.extend([W::SharedGate, W::SharedUp, W::SharedDown]);
            }
            return weights;
        }
        weights.extend(config.gated_mlp.then_some(W::Gate));
        weights.extend([W::Up, W::Down]);
        if config.mlp_bias {
            weights.extend([W::UpBias, W::DownBias]);
            weights.extend(config.gated_mlp.then_some(W::GateBias));
        }
        weights
    }

    pub(super) fn shape(self, config: &DecoderConfig) -> WeightShape {
        let (hidden, intermediate) = (config.hidden_size, config.mlp_width());
        let shared = config.experts.and_then(|experts| experts.shared).unwrap_or(0);
        let (query, key) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
        match self {
            Self::AttentionNorm
            | Self::AttentionNormBias
            | Self::AttentionOutputNorm
            | Self::AttentionOutputBias
            | Self::MlpNorm
            | Self::MlpNormBias
            | Self::MlpOutputNorm
            | Self::DownBias => WeightShape::Vector(hidden),
            Self::QueryNorm | Self::KeyNorm => WeightShape::Vector(config.head_dim),
            Self::QueryBias => WeightShape::Vector(query),
            Self::KeyBias | Self::ValueBias => WeightShape::Vector(key),
            Self::GateBias | Self::UpBias => WeightShape::Vector(intermediate),
            Self::Router => {
                WeightShape::Matrix { rows: config.experts.map_or(0, |experts| experts.count), columns: hidden }
            }
            Self::SharedRouter => WeightShape::Matrix { rows: 1, columns: hidden },
            Self::SharedGate | Self::SharedUp => WeightShape::Matrix { rows: shared, columns: hidden },
            Self::SharedDown => WeightShape::Matrix { rows: hidden, columns: shared },
            Self::Query => WeightShape::Matrix { rows: query, columns: hidden },
            Self::Key | Self::Value => WeightShape::Matrix { rows: key, columns: hidden },
            Self::AttentionOutput => WeightShape::Matrix { rows: hidden, columns: query },
            Self::Gate | Self::Up => WeightShape::Matrix { rows: intermediate, columns: hidden },
            Self::Down => WeightShape::Matrix { rows: hidden, columns: intermediate },
        }
    }

    /// The weight that this one is the bias of, if it is one.
    pub(super) fn of_bias(self) -> Option<Self> {
        match self {
            Self::AttentionNormBias => Some(Self::AttentionNorm),
            Self::QueryBias => Some(Self::Query),
            Self::KeyBias => Some(Self::Key),
            Self::ValueBias => Some(Self::Value),
            Self::AttentionOutputBias => Some(Self::AttentionOutput),
            Self::MlpNormBias => Some(Self::MlpNorm),
            Self::GateBias => Some(Self::Gate),
            Self::UpBias => Some(Self::Up),
            Self::DownBias => Some(Self::Down),
            _ => None,
        }
    }
}
