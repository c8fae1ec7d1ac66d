//! Tensors of ModernBERT as the other families hold them: q, k and v apart, and so the gate and what it gates.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::EncoderConfig;
use crate::encoder_weight::{EncoderLayerPart, EncoderNaming, EncoderPart, Term};
use crate::error::LoadError;
use crate::fused::{put_named, take};

/// Cuts what is stored as one matrix in each layer; names begin where the encoder does.
pub(super) fn cut(path: &Path, config: &EncoderConfig, tensors: &mut TensorMap) -> Result<(), LoadError> {
    use EncoderLayerPart as L;
    for layer in 0..config.num_layers {
        let mut put = |whole: &str, parts: &[L], rows: usize| {
            let whole = take(path, tensors, &format!("layers.{layer}.{whole}.weight"))?;
            let named = |of: &L| (EncoderPart::Layer(layer, *of).stored(Term::Weight, EncoderNaming::ModernBert), rows);
            put_named(tensors, &whole, parts.iter().map(named).collect())
        };
        put("attn.Wqkv", &[L::Query, L::Key, L::Value], config.hidden_size)?;
        put("mlp.Wi", &[L::Gate, L::Up], config.intermediate_size)?;
    }
    Ok(())
}
