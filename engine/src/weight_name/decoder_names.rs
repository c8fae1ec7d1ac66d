//! What transformers calls the weights of a decoder: a table for each family, of what it does not call as Llama's are called.

use super::{ExpertWeight, HeadWeight, LayerWeight, WeightName};

/// Names without `.weight` and `.bias`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DecoderNames {
    /// Embedding of tokens.
    pub(crate) tokens: &'static str,
    /// Learned positions.
    pub(crate) positions: &'static str,
    /// Norm of the embedding.
    pub(crate) embedding_norm: &'static str,
    /// Norm before the head.
    pub(crate) norm: &'static str,
    pub(crate) head: &'static str,
    /// What stands before a layer's number.
    pub(crate) layers: &'static str,
    /// Weights of a layer that are not called as Llama's.
    pub(crate) of_layer: &'static [(LayerWeight, &'static str)],
    /// What stands before an expert's number, and what its gate, up and down are called.
    pub(crate) experts: (&'static str, [&'static str; 3]),
}

/// Of Llama, and of most families.
pub(crate) const LLAMA: DecoderNames = DecoderNames {
    tokens: "model.embed_tokens",
    positions: "model.embed_positions",
    embedding_norm: "model.embed_layernorm",
    norm: "model.norm",
    head: "lm_head",
    layers: "model.layers",
    of_layer: &[],
    experts: ("block_sparse_moe.experts", ["w1", "w3", "w2"]),
};

impl DecoderNames {
    /// The tensor's name.
    pub(super) fn stored(&self, name: WeightName) -> String {
        match name {
            WeightName::TokenEmbedding => format!("{}.weight", self.tokens),
            WeightName::PositionEmbedding => format!("{}.weight", self.positions),
            WeightName::EmbeddingNorm => format!("{}.weight", self.embedding_norm),
            WeightName::EmbeddingNormBias => format!("{}.bias", self.embedding_norm),
            WeightName::OutputNorm => format!("{}.weight", self.norm),
            WeightName::OutputNormBias => format!("{}.bias", self.norm),
            WeightName::Output => format!("{}.weight", self.head),
            WeightName::OutputBias => format!("{}.bias", self.head),
            WeightName::Layer(layer, weight) => format!("{}.{layer}.{}", self.layers, self.of_layer(weight)),
            WeightName::Expert(layer, expert, weight) => {
                let (place, [gate, up, down]) = self.experts;
                let name = match weight {
                    ExpertWeight::Gate => gate,
                    ExpertWeight::Up => up,
                    ExpertWeight::Down => down,
                };
                format!("{}.{layer}.{place}.{expert}.{name}.weight", self.layers)
            }
            WeightName::Head(layer, head, weight) => {
                let name = match weight {
                    HeadWeight::QueryNorm => "q_layernorm",
                    HeadWeight::KeyNorm => "k_layernorm",
                };
                format!("{}.{layer}.self_attn.{name}.norms.{head}.weight", self.layers)
            }
            WeightName::Encoder(..) => unreachable!("a decoder has none"),
        }
    }

    fn of_layer(&self, weight: LayerWeight) -> String {
        let (weight, end) = weight.of_bias().map_or((weight, "weight"), |weight| (weight, "bias"));
        let listed = self.of_layer.iter().find(|(of, _)| *of == weight);
        format!("{}.{end}", listed.map_or(in_llama(weight), |&(_, name)| name))
    }
}

/// One name stands for two norms: of the attention's result in families that have one, before the MLP in the others.
fn in_llama(weight: LayerWeight) -> &'static str {
    use LayerWeight as W;
    match weight {
        W::AttentionNorm | W::AttentionNormBias => "input_layernorm",
        W::Query | W::QueryBias => "self_attn.q_proj",
        W::Key | W::KeyBias => "self_attn.k_proj",
        W::Value | W::ValueBias => "self_attn.v_proj",
        W::AttentionOutput | W::AttentionOutputBias => "self_attn.o_proj",
        W::QueryNorm => "self_attn.q_norm",
        W::KeyNorm => "self_attn.k_norm",
        W::AttentionOutputNorm | W::MlpNorm | W::MlpNormBias => "post_attention_layernorm",
        W::MlpOutputNorm => "post_feedforward_layernorm",
        W::Router => "block_sparse_moe.gate",
        W::SharedRouter => "mlp.shared_expert_gate",
        W::SharedGate => "mlp.shared_expert.gate_proj",
        W::SharedUp => "mlp.shared_expert.up_proj",
        W::SharedDown => "mlp.shared_expert.down_proj",
        W::Gate | W::GateBias => "mlp.gate_proj",
        W::Up | W::UpBias => "mlp.up_proj",
        W::Down | W::DownBias => "mlp.down_proj",
    }
}
