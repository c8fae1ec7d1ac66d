//! Which files of a repository make a model.
//!
//! Names come from outside: each is checked before it is handed on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    path::Path,
};

use hf_hub::api::RepoInfo;
use serde::Deserialize;

use super::{
    HubError, failed,
    id::{is_gguf, is_plain},
};

/// Weights in one file.
pub(super) const WEIGHTS: &str = "model.safetensors";
/// The list of weights in many files.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// What no model goes without.
pub(super) const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];
/// The last three say how texts become vectors.
const OPTIONAL: [&str; 6] = [
    "generation_config.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
];

/// The files of a repository at one commit.
pub(super) struct Listing {
    repo: String,
    commit: String,
    files: BTreeSet<String>,
}

impl Listing {
    /// From the hub's answer; files in folders, but for the one that is known, and names that are not plain are
    /// left out.
    pub(super) fn new(repo: &str, info: RepoInfo) -> Result<Self, HubError> {
        if !is_plain(&info.sha) {
            return Err(HubError::Name { what: "commit", value: info.sha });
        }
        let is_known = |name: &String| is_plain(name) || OPTIONAL.contains(&name.as_str());
        let files = info.siblings.into_iter().map(|sibling| sibling.rfilename).filter(is_known);
        Ok(Self { repo: repo.to_owned(), commit: info.sha, files: files.collect() })
    }

    pub(super) fn commit(&self) -> &str {
        &self.commit
    }

    pub(super) fn has(&self, file: &str) -> bool {
        self.files.contains(file)
    }

    /// The file's name, if the repository has it.
    pub(super) fn require<'a>(&self, file: &'a str) -> Result<&'a str, HubError> {
        if self.has(file) { Ok(file) } else { Err(self.lacks(file)) }
    }

    /// Everything but the weights; the hub has all of them.
    pub(super) fn small_files(&self) -> Result<Vec<&'static str>, HubError> {
        if !self.has(WEIGHTS) {
            self.index()?;
        }
        let required = REQUIRED.into_iter().map(|file| self.require(file));
        let optional = OPTIONAL.into_iter().filter(|file| self.has(file)).map(Ok);
        required.chain(optional).collect()
    }

    /// The list of weights, for a repository without a single weight file.
    pub(super) fn index(&self) -> Result<&'static str, HubError> {
        if self.has(INDEX) { Ok(INDEX) } else { Err(self.lacks(WEIGHTS)) }
    }

    fn lacks(&self, file: &str) -> HubError {
        let ggufs: Vec<&str> = self.files.iter().map(String::as_str).filter(|name| is_gguf(name)).collect();
        let hint = match ggufs.first() {
            Some(first) => format!(", but {} GGUF files: name one, such as {}/{first}", ggufs.len(), self.repo),
            None => String::new(),
        };
        HubError::NoFile { repo: self.repo.clone(), file: file.to_owned(), hint }
    }
}

/// The weight files that an index names, each once.
pub(super) fn shards(index: &Path) -> Result<BTreeSet<String>, HubError> {
    let wrong = |reason: String| HubError::Index { path: index.to_owned(), reason };
    let file = File::open(index).map_err(failed(index))?;
    let parsed: Index = serde_json::from_reader(BufReader::new(file)).map_err(|error| wrong(error.to_string()))?;
    let files: BTreeSet<String> = parsed.weight_map.into_values().collect();
    match files.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(wrong(format!("file '{name}' is not a plain name"))),
        None => Ok(files),
    }
}

#[derive(Deserialize)]
struct Index {
    /// From the name of a tensor to that of its file.
    weight_map: BTreeMap<String, String>,
}
