//! What llama.cpp calls the weights of an encoder in GGUF files.

use super::{EncoderLayerPart, EncoderPart, Term};
use crate::config::StreamNorms;

impl EncoderPart {
    /// The name of one of its tensors; that of a layer's norm says where the norm stands.
    pub(crate) fn stored_gguf(self, term: Term, norms: StreamNorms) -> String {
        let part = match self {
            Self::Layer(layer, part) => return format!("blk.{layer}.{}.{}", part.gguf(norms), term.stored()),
            Self::Words => "token_embd",
            Self::Positions => "position_embd",
            Self::Types => "token_types",
            Self::EmbeddingNorm => "token_embd_norm",
            Self::LastNorm => "output_norm",
            Self::LabelDense => "cls",
            Self::LabelNorm => "cls.norm",
            Self::LabelOutput => "cls.output",
            Self::DistanceBias
            | Self::Distances
            | Self::DistanceNorm
            | Self::TaskOutput(_)
            | Self::TokenLabels
            | Self::Spans
            | Self::WordsDense
            | Self::WordsNorm
            | Self::WordsBias => unreachable!("no GGUF file has {self:?}"),
        };
        format!("{part}.{}", term.stored())
    }
}

impl EncoderLayerPart {
    fn gguf(self, norms: StreamNorms) -> &'static str {
        match (self, norms) {
            (Self::Query, _) => "attn_q",
            (Self::Key, _) => "attn_k",
            (Self::Value, _) => "attn_v",
            (Self::AttentionOutput, _) => "attn_output",
            (Self::AttentionNorm, StreamNorms::Before) => "attn_norm",
            (Self::AttentionNorm, StreamNorms::After) => "attn_output_norm",
            (Self::Gate, _) => "ffn_gate",
            (Self::Up, _) => "ffn_up",
            (Self::Down, _) => "ffn_down",
            (Self::MlpNorm, StreamNorms::Before) => "ffn_norm",
            (Self::MlpNorm, StreamNorms::After) => "layer_output_norm",
            (Self::DistanceKey | Self::DistanceQuery | Self::Relative(_), _) => {
                unreachable!("no GGUF file has {self:?}")
            }
        }
    }
}
