//! Which files of a model folder may be opened.

use std::path::{Path, PathBuf};

use crate::config::json_fields::JsonFile;
use crate::error::{LoadError, shown};
use crate::model_file::read_small;

/// A folder, and the real places in which its files may lie.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    places: Vec<PathBuf>,
}

impl Folder {
    /// A snapshot in a hub's cache holds links into the `blobs` folder two levels up: that folder belongs to it.
    pub(super) fn new(path: &Path) -> Result<Self, LoadError> {
        let real = path.canonicalize().map_err(|source| LoadError::io(path, source))?;
        let snapshots = real.parent().filter(|parent| parent.ends_with("snapshots"));
        let blobs = snapshots.and_then(Path::parent).map(|model| model.join("blobs"));
        let places = std::iter::once(real.clone()).chain(blobs).collect();
        Ok(Self { path: real, places })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that may be absent; a name that is not plain or a link that leads out is an error.
    pub(super) fn optional(&self, name: &str) -> Result<Option<PathBuf>, LoadError> {
        let path = self.path.join(name);
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
            let reason = format!("'{}' is not a plain file name", shown(name));
            return Err(LoadError::file(&self.path, reason));
        }
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let real = path.canonicalize().map_err(|source| LoadError::io(&path, source))?;
        if !self.places.iter().any(|place| real.parent() == Some(place)) {
            return Err(LoadError::file(&path, "is a link that leads out of the model's folder"));
        }
        Ok(Some(path))
    }

    /// A folder in it, if it is there; its files may also lie where those of this one do.
    pub(super) fn inside(&self, name: &str) -> Result<Option<Self>, LoadError> {
        let Some(path) = self.optional(name)? else {
            return Ok(None);
        };
        let real = path.canonicalize().map_err(|source| LoadError::io(&path, source))?;
        let places = std::iter::once(real.clone()).chain(self.places.iter().cloned()).collect();
        Ok(Some(Self { path: real, places }))
    }

    pub(super) fn required(&self, name: &str) -> Result<PathBuf, LoadError> {
        let missing = || LoadError::file(&self.path, format!("has no {name}"));
        self.optional(name)?.ok_or_else(missing)
    }

    /// The object in a JSON file of `limit` bytes at most, if it is there.
    pub(super) fn object(&self, name: &str, limit: u64) -> Result<Option<JsonFile>, LoadError> {
        let Some(path) = self.optional(name)? else {
            return Ok(None);
        };
        let bytes = read_small(&path, limit)?;
        JsonFile::parse(path, &bytes).map(Some)
    }
}
