//! A folder for unfinished files, gone when it is dropped.
//!
//! It lies in the cache itself, so that the last step is a rename within one file system.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

/// A fresh folder of this process.
pub(super) struct WorkFolder(PathBuf);

impl WorkFolder {
    /// Makes it inside `parent`.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let path = parent.join(format!(".pull-{}", process::id()));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&path)?,
        }
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What stays behind is found and removed by the next process of this id.
        let _ = fs::remove_dir_all(&self.0);
    }
}
