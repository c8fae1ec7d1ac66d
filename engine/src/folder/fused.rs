//! Tensors that a family stores as one, cut into their parts before anybody looks for those.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::DecoderConfig;
use crate::error::LoadError;
use crate::stored_tensor::StoredTensor;
use crate::weight_name::{LayerWeight, Naming, WeightName};

/// Puts q, k and v, gate and up in the place of `qkv_proj` and `gate_up_proj`, layer by layer.
pub(super) fn cut(config_path: &Path, config: &DecoderConfig, tensors: &mut TensorMap) -> Result<(), LoadError> {
    let (query, key) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
    let (q, k, v) = ((LayerWeight::Query, query), (LayerWeight::Key, key), (LayerWeight::Value, key));
    let (gate, up) = ((LayerWeight::Gate, config.intermediate_size), (LayerWeight::Up, config.intermediate_size));
    for layer in 0..config.num_layers {
        let wholes: [(&str, &[(LayerWeight, usize)]); 2] =
            [("self_attn.qkv_proj", &[q, k, v]), ("mlp.gate_up_proj", &[gate, up])];
        for (whole, parts) in wholes {
            let tensor = take(config_path, tensors, &format!("model.layers.{layer}.{whole}.weight"))?;
            put_parts(tensors, &tensor, (layer, parts), Naming::HuggingFace)?;
        }
    }
    Ok(())
}

/// Takes a tensor out of the others.
pub(super) fn take(config_path: &Path, tensors: &mut TensorMap, name: &str) -> Result<StoredTensor, LoadError> {
    tensors.remove(name).ok_or_else(|| LoadError::tensor(config_path, name, "is missing"))
}

/// Puts a layer's weights, so many rows each, in the place of the one that was all of them.
pub(super) fn put_parts(
    tensors: &mut TensorMap,
    whole: &StoredTensor,
    (layer, parts): (usize, &[(LayerWeight, usize)]),
    naming: Naming,
) -> Result<(), LoadError> {
    let rows: usize = parts.iter().map(|(_, rows)| rows).sum();
    if whole.shape().first() != Some(&rows) {
        return Err(whole.error(format!("shape {:?} does not have {rows} rows", whole.shape())));
    }
    let mut start = 0;
    for &(weight, rows) in parts {
        tensors.insert(WeightName::Layer(layer, weight).stored(naming), whole.cut(start..start + rows));
        start += rows;
    }
    Ok(())
}
