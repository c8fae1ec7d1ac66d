//! An open file of a model, read by position so that several threads can read at once.
//!
//! Files are read, not mapped: a mapped file that is cut short is a signal, a read one is an error.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::LoadError;

/// A file and the length it had when it was opened.
#[derive(Debug)]
pub(crate) struct ModelFile {
    path: PathBuf,
    file: File,
    len: u64,
}

impl ModelFile {
    /// Opens a regular file; anything else (a folder, a pipe) is an error, since reading it could wait for ever.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let metadata = std::fs::metadata(path).map_err(|source| LoadError::io(path, source))?;
        if !metadata.is_file() {
            return Err(LoadError::file(path, "is not a regular file"));
        }
        let file = File::open(path).map_err(|source| LoadError::io(path, source))?;
        Ok(Self { path: path.to_owned(), file, len: metadata.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Fills `buffer` from `offset` on.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), LoadError> {
        self.file.read_exact_at(buffer, offset).map_err(|source| LoadError::io(&self.path, source))
    }
}

/// Reads a whole small file; one longer than `limit` bytes is refused unread.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let file = ModelFile::open(path)?;
    if file.len() > limit {
        return Err(LoadError::file(path, format!("has {} bytes, limit {limit}", file.len())));
    }
    let mut bytes = vec![0; file.len() as usize];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}
