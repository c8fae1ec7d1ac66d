//! Whose names a file uses for its weights.

use super::{ExpertWeight, gpt};
use crate::encoder_weight::EncoderNaming;

/// Whose names a file uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// llama.cpp's, in GGUF files.
    Gguf,
    /// transformers', in safetensors files.
    HuggingFace,
    /// transformers' for families with norms of the results of attention and MLP.
    HuggingFaceOutputNorms,
    /// transformers' for GPT-1, once q, k and v are apart.
    Gpt1,
    /// transformers' for GPT-2, once q, k and v are apart.
    Gpt2,
    /// transformers' for GPT-Neo.
    GptNeo,
    /// transformers' for an encoder.
    Encoder(EncoderNaming),
}

impl Naming {
    /// That of an encoder; panics if the model is none.
    pub(super) fn of_encoder(self) -> EncoderNaming {
        match self {
            Self::Encoder(naming) => naming,
            other => panic!("{other:?} names no weights of an encoder"),
        }
    }

    /// Embeddings of tokens and of positions, weight and bias of the last norm, head.
    pub(super) fn of_all_layers(self) -> [&'static str; 5] {
        match self {
            Self::Gguf => {
                ["token_embd.weight", "position_embd.weight", "output_norm.weight", "output_norm.bias", "output.weight"]
            }
            Self::HuggingFace | Self::HuggingFaceOutputNorms | Self::Encoder(_) => [
                "model.embed_tokens.weight",
                "model.embed_positions.weight",
                "model.norm.weight",
                "model.norm.bias",
                "lm_head.weight",
            ],
            Self::Gpt1 => gpt::of_all_layers("transformer.tokens_embed.weight", "transformer.positions_embed.weight"),
            Self::Gpt2 | Self::GptNeo => gpt::of_all_layers("transformer.wte.weight", "transformer.wpe.weight"),
        }
    }

    /// Within its layer; the families that have experts share these names.
    pub(super) fn of_expert(self, expert: usize, weight: ExpertWeight) -> String {
        let names = match self {
            Self::Gguf => ["ffn_gate", "ffn_up", "ffn_down"],
            _ => ["w1", "w3", "w2"],
        };
        let name = match weight {
            ExpertWeight::Gate => names[0],
            ExpertWeight::Up => names[1],
            ExpertWeight::Down => names[2],
        };
        match self {
            Self::Gguf => format!("{name}.{expert}.weight"),
            _ => format!("block_sparse_moe.experts.{expert}.{name}.weight"),
        }
    }

    /// Where the layers stand.
    pub(super) fn layers(self) -> &'static str {
        match self {
            Self::Gguf => "blk",
            Self::HuggingFace | Self::HuggingFaceOutputNorms | Self::Encoder(_) => "model.layers",
            Self::Gpt1 | Self::Gpt2 | Self::GptNeo => "transformer.h",
        }
    }
}
