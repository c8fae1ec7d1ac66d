//! What a folder says of its model where the weights are not there, or not all of them.

use std::path::Path;

use super::file_names::Folder;
use super::{encoder, read_config, shards};
use crate::block_type::BlockType;
use crate::config::encoder_families::EncoderFamily;
use crate::config::json_fields::JsonFields;
use crate::config::{ModelConfig, hugging_face};
use crate::error::LoadError;

/// What config.json calls the type of the weights: now, and before version 5 of transformers.
const STORED: [&str; 2] = ["dtype", "torch_dtype"];

/// The configuration, and what the weights will be stored as; none if the folder has all files of weights.
pub(crate) fn outline(path: &Path) -> Result<Option<(ModelConfig, BlockType)>, LoadError> {
    let folder = Folder::new(path)?;
    if shards::are_there(&folder)? {
        return Ok(None);
    }
    let (_, file) = read_config(&folder)?;
    let fields = file.fields();
    let model = match EncoderFamily::of(&fields)? {
        Some(family) => ModelConfig::Encoder(encoder::config(&folder, family, &fields)?.0),
        None => ModelConfig::Decoder(hugging_face::read(fields, None)?.config),
    };
    Ok(Some((model, stored(&fields)?)))
}

/// Weights whose type is not said are taken as f32, as transformers does.
fn stored(fields: &JsonFields) -> Result<BlockType, LoadError> {
    for field in STORED {
        let Some(name) = fields.text(field)? else { continue };
        return match name {
            "float32" => Ok(BlockType::F32),
            "float16" => Ok(BlockType::F16),
            "bfloat16" => Ok(BlockType::BF16),
            other => {
                let reason = format!("\"{}\" is none of float32, float16, bfloat16", crate::error::shown(other));
                Err(fields.error(field, reason))
            }
        };
    }
    Ok(BlockType::F32)
}
