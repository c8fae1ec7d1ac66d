//! What can go wrong while a model is loaded and while it runs.

use std::path::{Path, PathBuf};

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
    /// A metadata key or configuration field is missing or wrong.
    #[error("{}: '{field}': {reason}", file_name(path))]
    Field {
        /// Which file.
        path: PathBuf,
        /// Which key.
        field: String,
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
    /// The model and its cache do not fit into memory.
    #[error("{0}")]
    Memory(String),
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
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
