//! What can go wrong while a model is loaded and while it runs.

use std::path::{Path, PathBuf};

use crate::kernels::cpu::isa::Isa;

/// Why a model cannot be loaded. The message is one line: file, then tensor or field, then the numbers.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: {source}", file_name(path))]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {reason}", file_name(path))]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration field is missing or wrong.
    #[error("{}: '{field}': {reason}", file_name(path))]
    Field {
        /// Which file.
        path: PathBuf,
        /// Which key.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A GGUF metadata key is missing or wrong.
    #[error("{}: metadata '{key}': {reason}", file_name(path))]
    Metadata {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor is missing or wrong.
    #[error("{}: tensor '{tensor}': {reason}", file_name(path))]
    Tensor {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kernels cannot run here.
    #[error("this CPU has no {0}")]
    Isa(Isa),
    /// The model and its cache do not fit into memory.
    #[error("{0}")]
    Memory(String),
}

impl LoadError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn field(path: &Path, field: &str, reason: impl Into<String>) -> Self {
        Self::Field { path: path.to_owned(), field: shown(field), reason: reason.into() }
    }

    pub(crate) fn metadata(path: &Path, key: &str, reason: impl Into<String>) -> Self {
        Self::Metadata { path: path.to_owned(), key: shown(key), reason: reason.into() }
    }

    pub(crate) fn tensor(path: &Path, tensor: &str, reason: impl Into<String>) -> Self {
        Self::Tensor { path: path.to_owned(), tensor: shown(tensor), reason: reason.into() }
    }
}

/// A name out of a file as it may stand in an error line: escaped, 128 characters at most.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(128).flat_map(char::escape_debug).collect()
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The plan names something that the engine does not have.
    #[error("step plan: {0}")]
    Plan(String),
}

/// The last component: error lines name files, not places.
fn file_name(path: &Path) -> String {
    shown(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}
