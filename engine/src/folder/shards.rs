//! Which safetensors files hold the weights: one, or those that an index names.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::file_names::Folder;
use crate::checkpoint::TensorMap;
use crate::config::json_fields::JsonFile;
use crate::error::LoadError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const INDEX_BYTES: u64 = 1 << 26;
const MAX_FILES: usize = 4096;

/// The files, and what the index promises about them.
#[derive(Debug)]
pub(super) struct Shards {
    pub(super) files: Vec<PathBuf>,
    promised: Option<(PathBuf, Map<String, Value>)>,
}

impl Shards {
    /// Every tensor of the index was found.
    pub(super) fn check(&self, tensors: &TensorMap) -> Result<(), LoadError> {
        let Some((path, promised)) = &self.promised else {
            return Ok(());
        };
        match promised.keys().find(|name| !tensors.contains_key(*name)) {
            Some(name) => Err(LoadError::tensor(path, name, "is in the index, but in none of its files")),
            None => Ok(()),
        }
    }
}

/// Whether all files of weights are there.
pub(super) fn are_there(folder: &Folder) -> Result<bool, LoadError> {
    if folder.optional(SINGLE)?.is_some() {
        return Ok(true);
    }
    let Some(index) = Index::read(folder)? else { return Ok(false) };
    for name in index.files {
        if folder.optional(&name)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Finds the files; a single one wins over an index.
pub(super) fn list(folder: &Folder) -> Result<Shards, LoadError> {
    if let Some(single) = folder.optional(SINGLE)? {
        return Ok(Shards { files: vec![single], promised: None });
    }
    let Some(index) = Index::read(folder)? else {
        return Err(no_weights(folder));
    };
    let files = index.files.iter().map(|name| folder.required(name)).collect::<Result<_, _>>()?;
    Ok(Shards { files, promised: Some((index.path, index.map)) })
}

/// What an index says.
struct Index {
    path: PathBuf,
    /// The file of each tensor.
    map: Map<String, Value>,
    /// All of these files.
    files: BTreeSet<String>,
}

impl Index {
    /// Reads it, if there is one.
    fn read(folder: &Folder) -> Result<Option<Self>, LoadError> {
        let Some(JsonFile { path, object: mut index }) = folder.object(INDEX, INDEX_BYTES)? else {
            return Ok(None);
        };
        let Some(Value::Object(map)) = index.remove("weight_map") else {
            return Err(LoadError::field(&path, "weight_map", "is not an object"));
        };
        let name = |file: &'_ Value| file.as_str().map(str::to_owned);
        let files: Option<BTreeSet<String>> = map.values().map(name).collect();
        let files = files.ok_or_else(|| LoadError::field(&path, "weight_map", "names a file that is not a text"))?;
        if files.len() > MAX_FILES {
            let reason = format!("names {} files, limit {MAX_FILES}", files.len());
            return Err(LoadError::field(&path, "weight_map", reason));
        }
        Ok(Some(Self { path, map, files }))
    }
}

/// Pickled weights run code when they are opened: the error says what to do instead.
fn no_weights(folder: &Folder) -> LoadError {
    let entries = std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
    let pickled = entries.map(|entry| PathBuf::from(entry.file_name())).find(|name| {
        let extension = name.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["bin", "pt", "pth", "pkl", "npz"].contains(&extension))
    });
    let reason = match pickled {
        Some(name) => format!(
            "has no {SINGLE}, and {} is not opened: it may run code; convert it with python's \
             AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(FOLDER, safe_serialization=True)",
            crate::error::shown(&name.to_string_lossy())
        ),
        None => format!("has no {SINGLE}, no {INDEX}"),
    };
    LoadError::file(folder.path(), reason)
}
