//! The weights of a model by what they are, and what each file format calls them. An encoder's have a file of their own.

mod expert;
mod gpt;
mod naming;

pub use expert::ExpertWeight;
pub(crate) use naming::Naming;

use crate::config::{DecoderConfig, NormKind, StreamNorms};
use crate::encoder_weight::{EncoderPart, Term};

/// A weight of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightName {
    /// Embedding rows `[vocabulary, hidden]`.
    TokenEmbedding,
    /// Rows of learned positions `[positions, hidden]`.
    PositionEmbedding,
    /// Norm before the head `[hidden]`.
    OutputNorm,
    /// `[hidden]`.
    OutputNormBias,
    /// Head `[vocabulary, hidden]`; absent where the embedding is used again.
    Output,
    /// A weight of the layer with this number.
    Layer(usize, LayerWeight),
    /// A weight of an expert: the layer's number, then the expert's.
    Expert(usize, usize, ExpertWeight),
    /// A weight of an encoder.
    Encoder(EncoderPart, Term),
}

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

/// The shape a configuration gives to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeightShape {
    Matrix { rows: usize, columns: usize },
    Vector(usize),
}

impl WeightName {
    /// Every weight that a decoder of this configuration has, and no other.
    pub(crate) fn all(config: &DecoderConfig) -> Vec<Self> {
        let mut names = vec![Self::TokenEmbedding];
        names.extend(config.rope.is_none().then_some(Self::PositionEmbedding));
        if config.norms.stream == StreamNorms::Before {
            names.push(Self::OutputNorm);
            names.extend((config.norms.kind == NormKind::Layer).then_some(Self::OutputNormBias));
        }
        names.extend((!config.tied_embeddings).then_some(Self::Output));
        let layer = LayerWeight::all(config);
        names.extend(
            (0..config.num_layers).flat_map(|index| layer.iter().map(move |&weight| Self::Layer(index, weight))),
        );
        let experts = config.experts.map_or(0, |experts| experts.count);
        for layer in 0..config.num_layers {
            for expert in 0..experts {
                names.extend(ExpertWeight::ALL.map(|weight| Self::Expert(layer, expert, weight)));
            }
        }
        names
    }

    pub(crate) fn shape(self, config: &DecoderConfig) -> WeightShape {
        match self {
            Self::TokenEmbedding | Self::Output => {
                WeightShape::Matrix { rows: config.vocab_size, columns: config.hidden_size }
            }
            Self::PositionEmbedding => WeightShape::Matrix { rows: config.max_positions, columns: config.hidden_size },
            Self::OutputNorm | Self::OutputNormBias => WeightShape::Vector(config.hidden_size),
            Self::Layer(_, weight) => weight.shape(config),
            Self::Expert(_, _, weight) => weight.as_of_layer().shape(config),
            Self::Encoder(..) => unreachable!("a decoder has none"),
        }
    }

    /// The tensor's name in a file.
    pub(crate) fn stored(self, naming: Naming) -> String {
        let name = match self {
            Self::Encoder(part, term) => return part.stored(term, naming.of_encoder()),
            Self::Layer(layer, weight) => {
                return format!("{}.{layer}.{}", naming.layers(), weight.stored(naming));
            }
            Self::Expert(layer, expert, weight) => {
                return format!("{}.{layer}.{}", naming.layers(), naming.of_expert(expert, weight));
            }
            Self::TokenEmbedding => naming.of_all_layers()[0],
            Self::PositionEmbedding => naming.of_all_layers()[1],
            Self::OutputNorm => naming.of_all_layers()[2],
            Self::OutputNormBias => naming.of_all_layers()[3],
            Self::Output => naming.of_all_layers()[4],
        };
        name.to_owned()
    }

    /// The bias of a norm of the stream.
    pub(crate) fn norm_bias(self) -> Self {
        match self {
            Self::OutputNorm => Self::OutputNormBias,
            Self::Layer(layer, LayerWeight::AttentionNorm) => Self::Layer(layer, LayerWeight::AttentionNormBias),
            Self::Layer(layer, LayerWeight::MlpNorm) => Self::Layer(layer, LayerWeight::MlpNormBias),
            other => panic!("{other:?} is no norm of the stream"),
        }
    }

    /// Whether rotary embedding acts on the weight's rows.
    pub(crate) fn is_rotated(self) -> bool {
        use LayerWeight::{Key, KeyBias, Query, QueryBias};
        matches!(self, Self::Layer(_, Query | Key | QueryBias | KeyBias))
    }
}

impl LayerWeight {
    fn all(config: &DecoderConfig) -> Vec<Self> {
        use LayerWeight as W;
        let mut weights = vec![W::AttentionNorm, W::Query, W::Key, W::Value, W::AttentionOutput, W::MlpNorm];
        if config.norms.kind == NormKind::Layer {
            weights.extend([W::AttentionNormBias, W::MlpNormBias]);
        }
        if config.attention_bias.of_inputs() {
            weights.extend([W::QueryBias, W::KeyBias, W::ValueBias]);
        }
        weights.extend(config.attention_bias.of_output().then_some(W::AttentionOutputBias));
        if config.norms.of_outputs {
            weights.extend([W::AttentionOutputNorm, W::MlpOutputNorm]);
        }
        if config.norms.of_heads {
            weights.extend([W::QueryNorm, W::KeyNorm]);
        }
        if config.experts.is_some() {
            weights.push(W::Router);
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

    fn shape(self, config: &DecoderConfig) -> WeightShape {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
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
            Self::Query => WeightShape::Matrix { rows: query, columns: hidden },
            Self::Key | Self::Value => WeightShape::Matrix { rows: key, columns: hidden },
            Self::AttentionOutput => WeightShape::Matrix { rows: hidden, columns: query },
            Self::Gate | Self::Up => WeightShape::Matrix { rows: intermediate, columns: hidden },
            Self::Down => WeightShape::Matrix { rows: hidden, columns: intermediate },
        }
    }

    fn stored(self, naming: Naming) -> &'static str {
        match naming {
            Naming::Gguf => self.gguf(),
            Naming::HuggingFace | Naming::Encoder(_) => self.hugging_face(),
            Naming::HuggingFaceOutputNorms => self.hugging_face_with_output_norms(),
            Naming::Gpt1 | Naming::Gpt2 => gpt::of_layer(self),
            Naming::GptNeo => gpt::of_neo_layer(self),
        }
    }

    fn gguf(self) -> &'static str {
        match self {
            Self::AttentionNorm => "attn_norm.weight",
            Self::AttentionNormBias => "attn_norm.bias",
            Self::Query => "attn_q.weight",
            Self::Key => "attn_k.weight",
            Self::Value => "attn_v.weight",
            Self::AttentionOutput => "attn_output.weight",
            Self::QueryBias => "attn_q.bias",
            Self::KeyBias => "attn_k.bias",
            Self::ValueBias => "attn_v.bias",
            Self::AttentionOutputBias => "attn_output.bias",
            Self::QueryNorm => "attn_q_norm.weight",
            Self::KeyNorm => "attn_k_norm.weight",
            Self::AttentionOutputNorm => "post_attention_norm.weight",
            Self::MlpNorm => "ffn_norm.weight",
            Self::MlpNormBias => "ffn_norm.bias",
            Self::MlpOutputNorm => "post_ffw_norm.weight",
            Self::Router => "ffn_gate_inp.weight",
            Self::Gate => "ffn_gate.weight",
            Self::Up => "ffn_up.weight",
            Self::Down => "ffn_down.weight",
            Self::GateBias => "ffn_gate.bias",
            Self::UpBias => "ffn_up.bias",
            Self::DownBias => "ffn_down.bias",
        }
    }

    /// In files of families whose results of attention and MLP go through norms.
    fn hugging_face_with_output_norms(self) -> &'static str {
        match self {
            Self::MlpNorm => "pre_feedforward_layernorm.weight",
            other => other.hugging_face(),
        }
    }

    /// One name stands for two norms: of the attention's result in families that have one, before the MLP in the others.
    fn hugging_face(self) -> &'static str {
        match self {
            Self::AttentionNorm => "input_layernorm.weight",
            Self::AttentionNormBias => "input_layernorm.bias",
            Self::Query => "self_attn.q_proj.weight",
            Self::Key => "self_attn.k_proj.weight",
            Self::Value => "self_attn.v_proj.weight",
            Self::AttentionOutput => "self_attn.o_proj.weight",
            Self::QueryBias => "self_attn.q_proj.bias",
            Self::KeyBias => "self_attn.k_proj.bias",
            Self::ValueBias => "self_attn.v_proj.bias",
            Self::AttentionOutputBias => "self_attn.o_proj.bias",
            Self::QueryNorm => "self_attn.q_norm.weight",
            Self::KeyNorm => "self_attn.k_norm.weight",
            Self::AttentionOutputNorm | Self::MlpNorm => "post_attention_layernorm.weight",
            Self::MlpNormBias => "post_attention_layernorm.bias",
            Self::MlpOutputNorm => "post_feedforward_layernorm.weight",
            Self::Router => "block_sparse_moe.gate.weight",
            Self::Gate => "mlp.gate_proj.weight",
            Self::Up => "mlp.up_proj.weight",
            Self::Down => "mlp.down_proj.weight",
            Self::GateBias => "mlp.gate_proj.bias",
            Self::UpBias => "mlp.up_proj.bias",
            Self::DownBias => "mlp.down_proj.bias",
        }
    }
}
