//! `gondola pull`: a model into its cache; its path alone goes to stdout.

use std::{
    io::{self, Write},
    os::unix::ffi::OsStrExt,
};

use crate::model_source::{self, ModelError};

/// Download a model into the cache and print its path.
#[derive(Clone, Debug, clap::Args)]
pub struct PullFlags {
    /// A short name (smollm2-135m-instruct) or a hub id (org/name, org/name/file.gguf)
    pub name: String,
}

/// Why there is no path.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The model cannot be had.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nobody reads stdout.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
}

/// Fetches the model unless it is there; progress goes to stderr.
pub fn run(flags: &PullFlags) -> Result<(), PullError> {
    let path = model_source::pull(&flags.name)?;
    let mut line = path.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    Ok(io::stdout().lock().write_all(&line)?)
}
