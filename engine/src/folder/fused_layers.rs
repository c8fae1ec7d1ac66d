//! Matrices of an encoder's layers that its files store as one, cut apart: q, k and v, a gate and what it gates.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::EncoderConfig;
use crate::encoder_weight::{EncoderLayerPart, EncoderNaming, EncoderPart, Term};
use crate::error::LoadError;
use crate::fused::{put_named, take};

const QUERY_KEY_VALUE: &[EncoderLayerPart] = &[EncoderLayerPart::Query, EncoderLayerPart::Key, EncoderLayerPart::Value];
const GATE_UP: &[EncoderLayerPart] = &[EncoderLayerPart::Gate, EncoderLayerPart::Up];

/// Cuts them in each layer; names begin where the encoder does.
pub(super) fn cut(
    path: &Path,
    (config, naming): (&EncoderConfig, EncoderNaming),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    let mut wholes = vec![("attn.Wqkv", QUERY_KEY_VALUE, config.hidden_size)];
    if naming == EncoderNaming::ModernBert {
        wholes.push(("mlp.Wi", GATE_UP, config.intermediate_size));
    }
    for layer in 0..config.num_layers {
        for (whole, parts, rows) in &wholes {
            let whole = take(path, tensors, &format!("{}.{layer}.{whole}.weight", naming.layers()))?;
            let named = |of: &EncoderLayerPart| (EncoderPart::Layer(layer, *of).stored(Term::Weight, naming), *rows);
            put_named(tensors, &whole, parts.iter().map(named).collect())?;
        }
    }
    Ok(())
}
