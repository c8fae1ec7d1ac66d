//! A folder of one test, gone when it is dropped.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

/// A fresh folder.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Names must differ between tests of a process.
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("gondola-hub-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
