//! Tensors of the GPT families as the other families hold them: named from `transformer.` on, matrices `[out, in]`, q, k and
//! v apart, and no causal masks.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::DecoderConfig;
use crate::error::LoadError;
use crate::fused::{put_parts, take};
use crate::weight_name::{LayerWeight, Naming, WeightName};

const PREFIX: &str = "transformer.";
const HEAD: &str = "lm_head.weight";
/// Ends of the names of masks: the files of old versions hold them beside the weights.
const MASKS: [&str; 3] = [".attn.bias", ".attn.attention.bias", ".masked_bias"];

/// Rearranges the tensors of a family with this naming.
pub(super) fn arrange(
    config_path: &Path,
    (config, naming): (&DecoderConfig, Naming),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    tensors.retain(|name, _| !MASKS.iter().any(|end| name.ends_with(end)));
    if !tensors.keys().any(|name| name.starts_with(PREFIX)) {
        // Models that were saved without their head.
        let named = |name: String| if name == HEAD { name } else { format!("{PREFIX}{name}") };
        *tensors = std::mem::take(tensors).into_iter().map(|(name, tensor)| (named(name), tensor)).collect();
    }
    if naming != Naming::GptNeo {
        for layer in 0..config.num_layers {
            turn(config_path, (config, layer, naming), tensors)?;
        }
    }
    Ok(())
}

/// The matrices of one layer of GPT-1 or GPT-2.
fn turn(
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
