//! Matrices that a family stores as one, cut into their parts before anybody looks for those.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::DecoderConfig;
use crate::error::LoadError;
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
            let whole = format!("model.layers.{layer}.{whole}.weight");
            let missing = || LoadError::tensor(config_path, &whole, "is missing");
            let tensor = tensors.remove(&whole).ok_or_else(missing)?;
            let rows: usize = parts.iter().map(|(_, rows)| rows).sum();
            if tensor.shape().len() != 2 || tensor.shape()[0] != rows {
                return Err(tensor.error(format!("shape {:?} does not have {rows} rows", tensor.shape())));
            }
            let mut start = 0;
            for &(weight, rows) in parts {
                let name = WeightName::Layer(layer, weight).stored(Naming::HuggingFace);
                tensors.insert(name, tensor.cut(start..start + rows));
                start += rows;
            }
        }
    }
    Ok(())
}
