//! A decoder's tensors as they are looked for: what a GGUF file stacks lies apart, and each norm has the name of what it does.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::families::Fused;
use crate::config::gguf::GgufConfig;
use crate::config::{DecoderConfig, ExpertsConfig, HeadNorm, LayerOrder};
use crate::error::LoadError;
use crate::fused::{self, put, put_named, take};
use crate::weight_name::{ExpertWeight, HeadWeight, LayerWeight, Naming, WeightName, WeightShape, stacked_experts};

/// What a Falcon with two norms in a layer calls that of attention; the other is called as the only one of others is.
pub(crate) fn second_norm(layer: usize, kind: &str) -> String {
    format!("blk.{layer}.attn_norm_2.{kind}")
}

/// Rearranges the tensors of a file.
pub(super) fn arrange(path: &Path, read: &GgufConfig, tensors: &mut TensorMap) -> Result<(), LoadError> {
    let (config, family) = (&read.config, read.family);
    fused::cut_gguf(path, config, family.fused == Fused::Rows, tensors)?;
    for layer in 0..config.num_layers {
        if family.falcon.is_some() && config.order == LayerOrder::Beside {
            rename_norms(path, layer, tensors)?;
        }
        if config.norms.of_heads == HeadNorm::Each {
            cut_head_norms(path, (config, layer), tensors)?;
        }
        if let Some(experts) = config.experts_of(layer) {
            cut_experts(path, (config, layer, experts.count), tensors)?;
            shape_shared_router(path, (config, layer, experts), tensors)?;
        }
    }
    Ok(())
}

fn rename_norms(path: &Path, layer: usize, tensors: &mut TensorMap) -> Result<(), LoadError> {
    use LayerWeight::{AttentionNorm, AttentionNormBias, MlpNorm, MlpNormBias};
    for (kind, attention, mlp) in [("weight", AttentionNorm, MlpNorm), ("bias", AttentionNormBias, MlpNormBias)] {
        let [attention, mlp] = [attention, mlp].map(|weight| WeightName::Layer(layer, weight).stored(Naming::Gguf));
        let (first, second) = (take(path, tensors, &attention)?, take(path, tensors, &second_norm(layer, kind))?);
        put(tensors, &first, mlp, first.clone())?;
        put(tensors, &second, attention, second.clone())?;
    }
    Ok(())
}

/// One row for each head.
fn cut_head_norms(
    path: &Path,
    (config, layer): (&DecoderConfig, usize),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    let width = config.head_dim;
    for (whole, part, heads) in [
        (LayerWeight::QueryNorm, HeadWeight::QueryNorm, config.num_heads),
        (LayerWeight::KeyNorm, HeadWeight::KeyNorm, config.num_kv_heads),
    ] {
        let whole = take(path, tensors, &WeightName::Layer(layer, whole).stored(Naming::Gguf))?;
        let rows = whole.reshape(&[heads, width], &[heads, width])?;
        for head in 0..heads {
            let row = rows.cut(head..head + 1).reshape(&[1, width], &[width])?;
            put(tensors, &rows, WeightName::Head(layer, head, part).stored(Naming::Gguf), row)?;
        }
    }
    Ok(())
}

/// The matrices of all experts, one behind the other; files of old hold them apart.
fn cut_experts(
    path: &Path,
    (config, layer, count): (&DecoderConfig, usize, usize),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    for weight in ExpertWeight::ALL {
        let name = |expert| WeightName::Expert(layer, expert, weight);
        if tensors.contains_key(&name(0).stored(Naming::Gguf)) {
            continue;
        }
        let WeightShape::Matrix { rows, columns } = name(0).shape(config) else { panic!("experts have matrices") };
        let stack = take(path, tensors, &stacked_experts(layer, weight))?;
        let matrix = stack.reshape(&[count, rows, columns], &[count * rows, columns])?;
        put_named(tensors, &matrix, (0..count).map(|expert| (name(expert).stored(Naming::Gguf), rows)).collect())?;
    }
    Ok(())
}

/// The gate of the expert that every token takes is a matrix of one row, or that row.
fn shape_shared_router(
    path: &Path,
    (config, layer, experts): (&DecoderConfig, usize, ExpertsConfig),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    if experts.shared_gate {
        let hidden = config.hidden_size;
        let name = WeightName::Layer(layer, LayerWeight::SharedRouter).stored(Naming::Gguf);
        let row = take(path, tensors, &name)?;
        let matrix = if row.shape().len() == 1 { row.reshape(&[hidden], &[1, hidden])? } else { row };
        tensors.insert(name, matrix);
    }
    Ok(())
}
