//! What transformers calls the weights of GPT-1, GPT-2 and GPT-Neo.
//!
//! The first two store q, k and v as `c_attn`; their parts have no names in files, and are called here as GPT-Neo's are.

use super::LayerWeight;

/// Embeddings of tokens and of positions, weight and bias of the last norm, head.
pub(super) fn of_all_layers(tokens: &'static str, positions: &'static str) -> [&'static str; 5] {
    [tokens, positions, "transformer.ln_f.weight", "transformer.ln_f.bias", "lm_head.weight"]
}

/// Of a layer of GPT-1 and GPT-2.
pub(super) fn of_layer(weight: LayerWeight) -> &'static str {
    match weight {
        LayerWeight::AttentionNorm => "ln_1.weight",
        LayerWeight::AttentionNormBias => "ln_1.bias",
        LayerWeight::Query => "attn.q_proj.weight",
        LayerWeight::Key => "attn.k_proj.weight",
        LayerWeight::Value => "attn.v_proj.weight",
        LayerWeight::AttentionOutput => "attn.c_proj.weight",
        LayerWeight::QueryBias => "attn.q_proj.bias",
        LayerWeight::KeyBias => "attn.k_proj.bias",
        LayerWeight::ValueBias => "attn.v_proj.bias",
        LayerWeight::AttentionOutputBias => "attn.c_proj.bias",
        LayerWeight::MlpNorm => "ln_2.weight",
        LayerWeight::MlpNormBias => "ln_2.bias",
        LayerWeight::Up => "mlp.c_fc.weight",
        LayerWeight::UpBias => "mlp.c_fc.bias",
        LayerWeight::Down => "mlp.c_proj.weight",
        LayerWeight::DownBias => "mlp.c_proj.bias",
        other => other.hugging_face(),
    }
}

/// Of a layer of GPT-Neo.
pub(super) fn of_neo_layer(weight: LayerWeight) -> &'static str {
    match weight {
        LayerWeight::Query => "attn.attention.q_proj.weight",
        LayerWeight::Key => "attn.attention.k_proj.weight",
        LayerWeight::Value => "attn.attention.v_proj.weight",
        LayerWeight::AttentionOutput => "attn.attention.out_proj.weight",
        LayerWeight::QueryBias => "attn.attention.q_proj.bias",
        LayerWeight::KeyBias => "attn.attention.k_proj.bias",
        LayerWeight::ValueBias => "attn.attention.v_proj.bias",
        LayerWeight::AttentionOutputBias => "attn.attention.out_proj.bias",
        other => of_layer(other),
    }
}
