//! Files of the tests' own: a folder that goes away, a fixture with another configuration, a GGUF writer that lies on
//! request, the same model in the other format.
#![allow(dead_code, reason = "every test target compiles this module and uses its own part of it")]

pub(crate) mod changed_folder;
pub(crate) mod encoder_folder;
pub(crate) mod gguf_file;
pub(crate) mod gguf_of_encoder;
pub(crate) mod gguf_of_folder;
mod gguf_read;
mod gguf_tensors;

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own for one test, removed when the test ends.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("engine-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the test's own folder can be removed");
    }
}
