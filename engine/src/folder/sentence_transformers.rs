//! The files of sentence-transformers: `modules.json`, the configuration of the pooling that it names, and
//! `sentence_bert_config.json`.

use serde::Deserialize;

use super::CONFIG_BYTES;
use super::file_names::Folder;
use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::{LoadError, shown};
use crate::model_file::read_small;
use crate::pooling::{PoolingConfig, PoolingKind};

const MODULES: &str = "modules.json";
const TRANSFORMER: &str = "sentence_bert_config.json";

/// One step from a text to its vector.
#[derive(Deserialize)]
struct Module {
    /// The folder of its configuration.
    #[serde(default)]
    path: String,
    /// The Python class; its last word is its name.
    #[serde(rename = "type")]
    class: String,
}

/// Most tokens of a text, if the folder says it.
pub(super) fn max_tokens(folder: &Folder) -> Result<Option<usize>, LoadError> {
    let Some(file) = folder.object(TRANSFORMER, CONFIG_BYTES)? else { return Ok(None) };
    file.fields().optional_count("max_seq_length", range::POSITIONS)
}

/// Whether texts are read in small letters, whatever their tokenizer does.
pub(super) fn lowercases(folder: &Folder) -> Result<bool, LoadError> {
    let Some(file) = folder.object(TRANSFORMER, CONFIG_BYTES)? else { return Ok(false) };
    Ok(file.fields().bool("do_lower_case")? == Some(true))
}

/// Which states make a vector, if the folder has such files.
pub(super) fn pooling(folder: &Folder) -> Result<Option<PoolingConfig>, LoadError> {
    let Some(path) = folder.optional(MODULES)? else { return Ok(None) };
    let bytes = read_small(&path, CONFIG_BYTES)?;
    let modules: Vec<Module> =
        serde_json::from_slice(&bytes).map_err(|error| LoadError::file(&path, error.to_string()))?;
    let mut pooling = PoolingConfig { kind: PoolingKind::Last, normalize: false };
    for module in modules {
        match module.class.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Normalize" => pooling.normalize = true,
            "Pooling" => pooling.kind = kind(folder, &module.path)?,
            other => {
                pooling.kind = PoolingKind::Other(shown(other));
                break;
            }
        }
    }
    Ok(Some(pooling))
}

fn kind(folder: &Folder, path: &str) -> Result<PoolingKind, LoadError> {
    let config = folder.inside(path)?.map(|inside| inside.object("config.json", CONFIG_BYTES)).transpose()?.flatten();
    match config {
        Some(config) => modes(config.fields()),
        None => Ok(PoolingKind::Other(format!("Pooling without a {}/config.json", shown(path)))),
    }
}

/// Each kind is a switch of its own; newer files name one.
fn modes(config: JsonFields<'_>) -> Result<PoolingKind, LoadError> {
    let mut modes = Vec::new();
    modes.extend(config.text("pooling_mode")?);
    for name in config.names() {
        if let Some(mode) = name.strip_prefix("pooling_mode_")
            && config.bool(name)? == Some(true)
        {
            modes.push(mode);
        }
    }
    modes.sort_unstable();
    Ok(match modes[..] {
        ["lasttoken"] => PoolingKind::Last,
        ["cls_token" | "cls"] => PoolingKind::First,
        ["mean_tokens" | "mean"] => PoolingKind::Mean,
        ["max_tokens" | "max"] => PoolingKind::Max,
        _ => PoolingKind::Other(format!("Pooling of {}", shown(&modes.join(" and ")))),
    })
}
