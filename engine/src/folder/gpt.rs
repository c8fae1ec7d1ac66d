//! Tensors of GPT-1 and GPT-2 as the other families hold them: matrices `[out, in]`, q, k and v apart.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::DecoderConfig;
use crate::error::LoadError;
use crate::fused::{put_parts, take};
use crate::weight_name::{LayerWeight, Naming, WeightName};

/// Turns the matrices of all layers.
pub(super) fn turn(
    config_path: &Path,
    (config, naming): (&DecoderConfig, Naming),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    (0..config.num_layers).try_for_each(|layer| turn_layer(config_path, (config, layer, naming), tensors))
}

fn turn_layer(
    config_path: &Path,
    (config, layer, naming): (&DecoderConfig, usize, Naming),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    use LayerWeight::{AttentionOutput, Down, Key, KeyBias, Query, QueryBias, Up, Value, ValueBias};
    for weight in [AttentionOutput, Up, Down] {
        let name = WeightName::Layer(layer, weight).stored(naming);
        let tensor = take(config_path, tensors, &name)?.transpose()?;
        tensors.insert(name, tensor);
    }
    let width = config.num_heads * config.head_dim;
    let weight = take(config_path, tensors, &format!("transformer.h.{layer}.attn.c_attn.weight"))?.transpose()?;
    put_parts(tensors, &weight, (layer, &[Query, Key, Value].map(|part| (part, width))), naming)?;
    let bias = take(config_path, tensors, &format!("transformer.h.{layer}.attn.c_attn.bias"))?;
    put_parts(tensors, &bias, (layer, &[QueryBias, KeyBias, ValueBias].map(|part| (part, width))), naming)
}
