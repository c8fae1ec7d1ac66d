//! Matrices that files store as one, cut into their parts before anybody looks for those.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::DecoderConfig;
use crate::error::LoadError;
use crate::stored_tensor::StoredTensor;
use crate::weight_name::{DecoderNames, LayerWeight, Naming, WeightName};

/// A part and its rows.
pub(crate) type Part = (LayerWeight, usize);

/// Puts q, k and v, gate and up in the place of `qkv_proj` and `gate_up_proj`, layer by layer.
pub(crate) fn cut_folder(
    path: &Path,
    (config, naming): (&DecoderConfig, Naming),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    let mut cutter = Cutter { path, naming, tensors };
    for layer in 0..config.num_layers {
        let name = |whole| format!("model.layers.{layer}.{whole}.weight");
        cutter.cut(layer, &name("self_attn.qkv_proj"), &query_key_value(config))?;
        cutter.cut(layer, &name("mlp.gate_up_proj"), &gate_up(config))?;
    }
    Ok(())
}

/// Puts q, k and v in the place of one module that holds, for each key head, the query heads that share it, itself and its
/// value head; so their biases, where they have some.
pub(crate) fn cut_groups(
    path: &Path,
    (config, names): (&DecoderConfig, &'static DecoderNames),
    module: &str,
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    use LayerWeight::{Key, KeyBias, Query, QueryBias, Value, ValueBias};
    let (width, group) = (config.head_dim, config.num_heads / config.num_kv_heads);
    let stride = (group + 2) * width;
    let bands = [0..group * width, group * width..(group + 1) * width, (group + 1) * width..stride];
    let biases = config.attention_bias.of_inputs().then_some(("bias", [QueryBias, KeyBias, ValueBias]));
    for layer in 0..config.num_layers {
        for (kind, parts) in std::iter::once(("weight", [Query, Key, Value])).chain(biases) {
            let whole = take(path, tensors, &format!("{}.{layer}.{module}.{kind}", names.layers))?;
            check_rows(&whole, config.num_kv_heads * stride)?;
            for (weight, band) in parts.into_iter().zip(&bands) {
                let name = WeightName::Layer(layer, weight).stored(Naming::Decoder(names));
                put(tensors, &whole, name, whole.bands(stride, band.clone()))?;
            }
        }
    }
    Ok(())
}

/// Puts q, k and v in the place of one module that holds them one behind the other, without biases.
pub(crate) fn cut_stacked(
    path: &Path,
    (config, names): (&DecoderConfig, &'static DecoderNames),
    module: &str,
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    let mut cutter = Cutter { path, naming: Naming::Decoder(names), tensors };
    let whole = |layer: usize| format!("{}.{layer}.{module}.weight", names.layers);
    (0..config.num_layers).try_for_each(|layer| cutter.cut(layer, &whole(layer), &query_key_value(config)))
}

/// Puts q, k and v in the place of `attn_qkv` where a file has it; gate and up in the place of `ffn_up` if `fused_gate`.
pub(crate) fn cut_gguf(
    path: &Path,
    config: &DecoderConfig,
    fused_gate: bool,
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    let mut cutter = Cutter { path, naming: Naming::Gguf, tensors };
    for layer in 0..config.num_layers {
        let (weight, bias) = (gguf_query_key_value(layer, "weight"), gguf_query_key_value_bias(layer));
        if cutter.tensors.contains_key(&weight) {
            cutter.cut(layer, &weight, &query_key_value(config))?;
        }
        if cutter.tensors.contains_key(&bias) {
            cutter.cut(layer, &bias, &query_key_value_bias(config))?;
        }
        if fused_gate {
            let up = WeightName::Layer(layer, LayerWeight::Up).stored(Naming::Gguf);
            cutter.cut(layer, &up, &gate_up(config))?;
        }
    }
    Ok(())
}

/// What a GGUF file calls the biases of q, k and v in one.
pub(crate) fn gguf_query_key_value_bias(layer: usize) -> String {
    gguf_query_key_value(layer, "bias")
}

fn gguf_query_key_value(layer: usize, kind: &str) -> String {
    format!("blk.{layer}.attn_qkv.{kind}")
}

fn query_key_value(config: &DecoderConfig) -> [Part; 3] {
    rows_of(config, [LayerWeight::Query, LayerWeight::Key, LayerWeight::Value])
}

fn query_key_value_bias(config: &DecoderConfig) -> [Part; 3] {
    rows_of(config, [LayerWeight::QueryBias, LayerWeight::KeyBias, LayerWeight::ValueBias])
}

fn rows_of(config: &DecoderConfig, [query, key, value]: [LayerWeight; 3]) -> [Part; 3] {
    let kv_rows = config.num_kv_heads * config.head_dim;
    [(query, config.num_heads * config.head_dim), (key, kv_rows), (value, kv_rows)]
}

fn gate_up(config: &DecoderConfig) -> [Part; 2] {
    [(LayerWeight::Gate, config.intermediate_size), (LayerWeight::Up, config.intermediate_size)]
}

struct Cutter<'a> {
    /// Named where a tensor is missing.
    path: &'a Path,
    naming: Naming,
    tensors: &'a mut TensorMap,
}

impl Cutter<'_> {
    /// Cuts a matrix into rows, or a vector into numbers.
    fn cut(&mut self, layer: usize, whole: &str, parts: &[Part]) -> Result<(), LoadError> {
        let whole = take(self.path, self.tensors, whole)?;
        put_parts(self.tensors, &whole, (layer, parts), self.naming)
    }
}

/// Takes a tensor out of the others.
pub(crate) fn take(path: &Path, tensors: &mut TensorMap, name: &str) -> Result<StoredTensor, LoadError> {
    tensors.remove(name).ok_or_else(|| LoadError::tensor(path, name, "is missing"))
}

/// Puts a layer's weights, so many rows each, in the place of the one that was all of them.
pub(crate) fn put_parts(
    tensors: &mut TensorMap,
    whole: &StoredTensor,
    (layer, parts): (usize, &[Part]),
    naming: Naming,
) -> Result<(), LoadError> {
    let named = |&(weight, rows): &Part| (WeightName::Layer(layer, weight).stored(naming), rows);
    put_named(tensors, whole, parts.iter().map(named).collect())
}

/// Puts tensors of these names, so many rows each, in the place of the one that was all of them.
pub(crate) fn put_named(
    tensors: &mut TensorMap,
    whole: &StoredTensor,
    parts: Vec<(String, usize)>,
) -> Result<(), LoadError> {
    check_rows(whole, parts.iter().map(|(_, rows)| rows).sum())?;
    let mut start = 0;
    for (name, rows) in parts {
        put(tensors, whole, name, whole.cut(start..start + rows))?;
        start += rows;
    }
    Ok(())
}

/// Whether it has so many rows, and can be cut between them.
fn check_rows(whole: &StoredTensor, rows: usize) -> Result<(), LoadError> {
    if whole.shape().first() != Some(&rows) {
        return Err(whole.error(format!("shape {:?} does not have {rows} rows", whole.shape())));
    }
    if whole.shape().len() == 1 && whole.block_type().elements() > 1 {
        return Err(whole.error(format!("{} holds no single numbers to cut between", whole.block_type().name())));
    }
    Ok(())
}

/// Puts a part in the place of a whole that was taken out; fails if it stands in the file beside it.
pub(crate) fn put(
    tensors: &mut TensorMap,
    whole: &StoredTensor,
    name: String,
    part: StoredTensor,
) -> Result<(), LoadError> {
    match tensors.insert(name, part) {
        Some(other) => Err(other.error(format!("stands in the file twice, alone and in '{}'", whole.name()))),
        None => Ok(()),
    }
}
