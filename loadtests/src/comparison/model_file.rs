//! A model that the servers are compared on: a name, and the file or folder they read.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::template::{environment, filled};

/// A model as a comparison names it; its path may have `${NAME}` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its short name in tables.
    pub name: String,
    /// The file or folder.
    pub path: String,
}

/// What a model's files look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One `.gguf` file.
    Gguf,
    /// A Hugging Face folder.
    Folder,
}

/// A model that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its short name in tables.
    pub name: String,
    /// The file or folder, from the root.
    pub path: PathBuf,
    /// Which of the two.
    pub format: Format,
}

impl ModelFile {
    /// The model on this machine; an error says why it is not there.
    pub fn located(&self) -> Result<Model> {
        let path = filled(&self.path, &|_| None, &environment)?;
        let path = std::path::absolute(&path).with_context(|| format!("bad path '{path}'"))?;
        ensure!(path.exists(), "{} does not exist", path.display());
        let format = if path.is_dir() { Format::Folder } else { Format::Gguf };
        Ok(Model { name: self.name.clone(), path, format })
    }
}

impl FromStr for ModelFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), path: path.to_owned() })
            }
            _ => Err(format!("'{text}' is not NAME=FILE")),
        }
    }
}

impl Model {
    /// The last part of its path.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_written_as_name_and_file() {
        let model: ModelFile = "Q4_1=a=b.gguf".parse().unwrap();
        assert_eq!((model.name.as_str(), model.path.as_str()), ("Q4_1", "a=b.gguf"));
        for text in ["", "Q4_1", "=x", "x="] {
            assert!(text.parse::<ModelFile>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_and_a_folder_are_told_apart_and_a_missing_one_is_named() {
        let located = |path: &str| ModelFile { name: "m".into(), path: path.into() }.located();
        let manifest = located(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        assert_eq!((manifest.format, manifest.file_name().as_str()), (Format::Gguf, "Cargo.toml"));
        assert_eq!(located(env!("CARGO_MANIFEST_DIR")).unwrap().format, Format::Folder);
        assert!(located("/no/such.gguf").unwrap_err().to_string().contains("/no/such.gguf does not exist"));
        assert!(located("${LOADTESTS_UNSET}/x").unwrap_err().to_string().contains("LOADTESTS_UNSET is not set"));
    }
}
