//! The weights of a model by what they are, and what each file format calls them. An encoder's have a file of their own.

mod decoder_names;
mod expert;
mod gguf;
mod head;
mod layer;
mod naming;

pub(crate) use decoder_names::{DecoderNames, LLAMA};
pub use expert::ExpertWeight;
pub(crate) use gguf::stacked_experts;
pub use head::HeadWeight;
pub use layer::LayerWeight;
pub(crate) use naming::Naming;

use crate::config::{DecoderConfig, HeadNorm, NormKind, StreamNorms};
use crate::encoder_weight::{EncoderPart, Term};

/// A weight of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightName {
    /// Embedding rows `[vocabulary, hidden]`.
    TokenEmbedding,
    /// Rows of learned positions `[positions, hidden]`.
    PositionEmbedding,
    /// Norm of the embedding's rows `[hidden]`.
    EmbeddingNorm,
    /// `[hidden]`.
    EmbeddingNormBias,
    /// Norm before the head `[hidden]`.
    OutputNorm,
    /// `[hidden]`.
    OutputNormBias,
    /// Head `[vocabulary, hidden]`; absent where the embedding is used again.
    Output,
    /// `[vocabulary]`.
    OutputBias,
    /// A weight of the layer with this number.
    Layer(usize, LayerWeight),
    /// A weight of an expert: the layer's number, then the expert's.
    Expert(usize, usize, ExpertWeight),
    /// A weight of a head of queries or keys: the layer's number, then the head's.
    Head(usize, usize, HeadWeight),
    /// A weight of an encoder.
    Encoder(EncoderPart, Term),
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
        names.extend(config.learns_positions().then_some(Self::PositionEmbedding));
        let has_biases = config.norms.kind == NormKind::Layer;
        if config.norms.of_embedding {
            names.push(Self::EmbeddingNorm);
            names.extend(has_biases.then_some(Self::EmbeddingNormBias));
        }
        if config.norms.stream == StreamNorms::Before {
            names.push(Self::OutputNorm);
            names.extend(has_biases.then_some(Self::OutputNormBias));
        }
        names.extend((!config.tied_embeddings).then_some(Self::Output));
        names.extend(config.head_bias.then_some(Self::OutputBias));
        for layer in 0..config.num_layers {
            let experts = config.experts_of(layer);
            names.extend(LayerWeight::all(config, experts).into_iter().map(|weight| Self::Layer(layer, weight)));
            if config.norms.of_heads == HeadNorm::Each {
                names.extend((0..config.num_heads).map(|head| Self::Head(layer, head, HeadWeight::QueryNorm)));
                names.extend((0..config.num_kv_heads).map(|head| Self::Head(layer, head, HeadWeight::KeyNorm)));
            }
            for expert in 0..experts.map_or(0, |experts| experts.count) {
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
            Self::EmbeddingNorm | Self::EmbeddingNormBias | Self::OutputNorm | Self::OutputNormBias => {
                WeightShape::Vector(config.hidden_size)
            }
            Self::OutputBias => WeightShape::Vector(config.vocab_size),
            Self::Layer(_, weight) => weight.shape(config),
            Self::Expert(_, _, weight) => weight.shape(config),
            Self::Head(..) => WeightShape::Vector(config.head_dim),
            Self::Encoder(..) => unreachable!("a decoder has none"),
        }
    }

    /// The tensor's name in a file.
    pub(crate) fn stored(self, naming: Naming) -> String {
        match (self, naming) {
            (Self::Encoder(part, term), Naming::GgufEncoder(norms)) => part.stored_gguf(term, norms),
            (Self::Encoder(part, term), _) => part.stored(term, naming.of_encoder()),
            (_, Naming::Gguf) => gguf::stored(self),
            (_, Naming::Decoder(names)) => names.stored(self),
            (_, Naming::Encoder(_) | Naming::GgufEncoder(_)) => panic!("no encoder has {self:?}"),
        }
    }

    /// The bias of a norm of the stream.
    pub(crate) fn norm_bias(self) -> Self {
        match self {
            Self::EmbeddingNorm => Self::EmbeddingNormBias,
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
