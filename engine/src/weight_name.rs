//! The weights of a decoder by what they are, and what each file format calls them.

use crate::config::DecoderConfig;

/// A weight of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightName {
    /// Embedding rows `[vocabulary, hidden]`.
    TokenEmbedding,
    /// Norm before the head `[hidden]`.
    OutputNorm,
    /// Head `[vocabulary, hidden]`; absent where the embedding is used again.
    Output,
    /// A weight of the layer with this number.
    Layer(usize, LayerWeight),
}

/// A weight of one layer. Matrices are `[out, in]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerWeight {
    /// Norm before attention `[hidden]`.
    AttentionNorm,
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
    /// Norm of the MLP's result `[hidden]`.
    MlpOutputNorm,
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

/// Whose names a file uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// llama.cpp's, in GGUF files.
    Gguf,
    /// transformers', in safetensors files.
    HuggingFace,
    /// transformers' for families with norms of the results of attention and MLP.
    HuggingFaceOutputNorms,
}

/// The shape a configuration gives to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeightShape {
    Matrix { rows: usize, columns: usize },
    Vector(usize),
}

impl WeightName {
    /// Every weight that a model of this configuration has, and no other.
    pub(crate) fn all(config: &DecoderConfig) -> Vec<Self> {
        let mut names = vec![Self::TokenEmbedding, Self::OutputNorm];
        names.extend((!config.tied_embeddings).then_some(Self::Output));
        let layer = LayerWeight::all(config);
        names.extend(
            (0..config.num_layers).flat_map(|index| layer.iter().map(move |&weight| Self::Layer(index, weight))),
        );
        names
    }

    pub(crate) fn shape(self, config: &DecoderConfig) -> WeightShape {
        match self {
            Self::TokenEmbedding | Self::Output => {
                WeightShape::Matrix { rows: config.vocab_size, columns: config.hidden_size }
            }
            Self::OutputNorm => WeightShape::Vector(config.hidden_size),
            Self::Layer(_, weight) => weight.shape(config),
        }
    }

    /// The tensor's name in a file.
    pub(crate) fn stored(self, naming: Naming) -> String {
        let (embedding, norm, head, layers) = match naming {
            Naming::Gguf => ("token_embd.weight", "output_norm.weight", "output.weight", "blk"),
            Naming::HuggingFace | Naming::HuggingFaceOutputNorms => {
                ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight", "model.layers")
            }
        };
        match self {
            Self::TokenEmbedding => embedding.to_owned(),
            Self::OutputNorm => norm.to_owned(),
            Self::Output => head.to_owned(),
            Self::Layer(layer, weight) => format!("{layers}.{layer}.{}", weight.stored(naming)),
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
        let mut weights = vec![W::AttentionNorm, W::Query, W::Key, W::Value, W::AttentionOutput];
        weights.push(W::MlpNorm);
        weights.extend(config.gated_mlp.then_some(W::Gate));
        weights.extend([W::Up, W::Down]);
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
            Self::AttentionNorm | Self::AttentionOutputNorm | Self::MlpNorm | Self::MlpOutputNorm => {
                WeightShape::Vector(hidden)
            }
            Self::AttentionOutputBias | Self::DownBias => WeightShape::Vector(hidden),
            Self::QueryNorm | Self::KeyNorm => WeightShape::Vector(config.head_dim),
            Self::QueryBias => WeightShape::Vector(query),
            Self::KeyBias | Self::ValueBias => WeightShape::Vector(key),
            Self::GateBias | Self::UpBias => WeightShape::Vector(intermediate),
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
            Naming::HuggingFace => self.hugging_face(),
            Naming::HuggingFaceOutputNorms => self.hugging_face_with_output_norms(),
        }
    }

    fn gguf(self) -> &'static str {
        match self {
            Self::AttentionNorm => "attn_norm.weight",
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
            Self::MlpOutputNorm => "post_ffw_norm.weight",
            Self::Gate => "ffn_gate.weight",
            Self::Up => "ffn_up.weight",
            Self::Down => "ffn_down.weight",
            Self::GateBias => "ffn_gate.bias",
            Self::UpBias => "ffn_up.bias",
            Self::DownBias => "ffn_down.bias",
        }
    }

    /// In files of families whose results of attention and MLP go through norms: `post_attention_layernorm` is one of them.
    fn hugging_face_with_output_norms(self) -> &'static str {
        match self {
            Self::AttentionOutputNorm => "post_attention_layernorm.weight",
            Self::MlpNorm => "pre_feedforward_layernorm.weight",
            other => other.hugging_face(),
        }
    }

    fn hugging_face(self) -> &'static str {
        match self {
            Self::AttentionNorm => "input_layernorm.weight",
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
            Self::AttentionOutputNorm => "post_self_attn_layernorm.weight",
            Self::MlpNorm => "post_attention_layernorm.weight",
            Self::MlpOutputNorm => "post_feedforward_layernorm.weight",
            Self::Gate => "mlp.gate_proj.weight",
            Self::Up => "mlp.up_proj.weight",
            Self::Down => "mlp.down_proj.weight",
            Self::GateBias => "mlp.gate_proj.bias",
            Self::UpBias => "mlp.up_proj.bias",
            Self::DownBias => "mlp.down_proj.bias",
        }
    }
}
