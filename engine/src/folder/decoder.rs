//! A decoder's tensors as they are looked for: by their full names, matrices `[out, in]`, q, k and v apart, no masks.

use std::path::Path;

use super::gpt;
use crate::checkpoint::TensorMap;
use crate::config::families::Fused;
use crate::config::hugging_face::HuggingFaceConfig;
use crate::error::LoadError;
use crate::fused::{self, take};
use crate::weight_name::{Naming, WeightName};

/// Ends of the names of masks and frequencies: the files of old versions hold them beside the weights.
const CONSTANTS: [&str; 4] = [".attn.bias", ".attention.bias", ".masked_bias", ".rotary_emb.inv_freq"];

/// Rearranges the tensors of a folder.
pub(super) fn arrange(path: &Path, read: &HuggingFaceConfig, tensors: &mut TensorMap) -> Result<(), LoadError> {
    let (config, family) = (&read.config, read.family);
    let naming = Naming::Decoder(read.tensors);
    if let Some(body) = family.body {
        tensors.retain(|name, _| !CONSTANTS.iter().any(|end| name.ends_with(end)));
        name_in_full(body, read.tensors.head, tensors);
    }
    if family.skipped_positions > 0 {
        skip_positions(path, (naming, family.skipped_positions), tensors)?;
    }
    match family.fused {
        Fused::Nothing => Ok(()),
        Fused::Rows => fused::cut_folder(path, (config, naming), tensors),
        Fused::Stacked(module) => fused::cut_stacked(path, (config, read.tensors), module, tensors),
        Fused::Groups(module) => fused::cut_groups(path, (config, read.tensors), module, tensors),
        Fused::Columns => gpt::turn(path, (config, naming), tensors),
    }
}

/// Leaves the rows of learned positions from that of the first one on.
fn skip_positions(path: &Path, (naming, skipped): (Naming, usize), tensors: &mut TensorMap) -> Result<(), LoadError> {
    let name = WeightName::PositionEmbedding.stored(naming);
    let table = take(path, tensors, &name)?;
    let rows = table.shape().first().copied().unwrap_or(0);
    if rows <= skipped {
        return Err(table.error(format!("shape {:?} has no rows behind the first {skipped}", table.shape())));
    }
    tensors.insert(name, table.cut(skipped..rows));
    Ok(())
}

/// Of models that were saved without their head.
fn name_in_full(body: &str, head: &str, tensors: &mut TensorMap) {
    if !tensors.keys().any(|name| name.starts_with(body)) {
        let named = |name: String| if name.starts_with(head) { name } else { format!("{body}{name}") };
        *tensors = std::mem::take(tensors).into_iter().map(|(name, tensor)| (named(name), tensor)).collect();
    }
}
