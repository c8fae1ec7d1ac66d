//! What llama.cpp calls the weights of a decoder in GGUF files.

use super::{ExpertWeight, HeadWeight, LayerWeight, WeightName};

/// The tensor's name.
pub(super) fn stored(name: WeightName) -> String {
    let name = match name {
        WeightName::TokenEmbedding => "token_embd.weight",
        WeightName::PositionEmbedding => "position_embd.weight",
        WeightName::EmbeddingNorm => "token_embd_norm.weight",
        WeightName::EmbeddingNormBias => "token_embd_norm.bias",
        WeightName::OutputNorm => "output_norm.weight",
        WeightName::OutputNormBias => "output_norm.bias",
        WeightName::Output => "output.weight",
        WeightName::OutputBias => "output.bias",
        WeightName::Layer(layer, weight) => return format!("blk.{layer}.{}", of_layer(weight)),
        WeightName::Expert(layer, expert, weight) => {
            return format!("blk.{layer}.{}.{expert}.weight", of_expert(weight));
        }
        WeightName::Head(layer, head, weight) => return format!("blk.{layer}.{}.{head}.weight", of_head(weight)),
        WeightName::Encoder(..) => unreachable!("a decoder has none"),
    };
    name.to_owned()
}

/// The tensor of a layer that holds this weight of all experts, one behind the other.
pub(crate) fn stacked_experts(layer: usize, weight: ExpertWeight) -> String {
    format!("blk.{layer}.{}_exps.weight", of_expert(weight))
}

fn of_expert(weight: ExpertWeight) -> &'static str {
    match weight {
        ExpertWeight::Gate => "ffn_gate",
        ExpertWeight::Up => "ffn_up",
        ExpertWeight::Down => "ffn_down",
    }
}

fn of_head(weight: HeadWeight) -> &'static str {
    match weight {
        HeadWeight::QueryNorm => "attn_q_norm",
        HeadWeight::KeyNorm => "attn_k_norm",
    }
}

fn of_layer(weight: LayerWeight) -> &'static str {
    use LayerWeight as W;
    match weight {
        W::AttentionNorm => "attn_norm.weight",
        W::AttentionNormBias => "attn_norm.bias",
        W::Query => "attn_q.weight",
        W::Key => "attn_k.weight",
        W::Value => "attn_v.weight",
        W::AttentionOutput => "attn_output.weight",
        W::QueryBias => "attn_q.bias",
        W::KeyBias => "attn_k.bias",
        W::ValueBias => "attn_v.bias",
        W::AttentionOutputBias => "attn_output.bias",
        W::QueryNorm => "attn_q_norm.weight",
        W::KeyNorm => "attn_k_norm.weight",
        W::AttentionOutputNorm => "post_attention_norm.weight",
        W::MlpNorm => "ffn_norm.weight",
        W::MlpNormBias => "ffn_norm.bias",
        W::MlpOutputNorm => "post_ffw_norm.weight",
        W::Router => "ffn_gate_inp.weight",
        W::SharedRouter => "ffn_gate_inp_shexp.weight",
        W::SharedGate => "ffn_gate_shexp.weight",
        W::SharedUp => "ffn_up_shexp.weight",
        W::SharedDown => "ffn_down_shexp.weight",
        W::Gate => "ffn_gate.weight",
        W::Up => "ffn_up.weight",
        W::Down => "ffn_down.weight",
        W::GateBias => "ffn_gate.bias",
        W::UpBias => "ffn_up.bias",
        W::DownBias => "ffn_down.bias",
    }
}
