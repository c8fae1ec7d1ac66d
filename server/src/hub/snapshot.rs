//! The cache's layout: `blobs` named by their tags, `snapshots/<commit>` of links to them, `refs/main` with a commit.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::{
    HubError, HubId, failed,
    listing::{INDEX, REQUIRED, WEIGHTS, shards},
};

/// A repository's place in the cache.
pub(super) struct Layout {
    repo: String,
    cache: CacheRepo,
}

impl Layout {
    pub(super) fn new(cache: &Path, repo: &str) -> Self {
        Self { repo: repo.to_owned(), cache: Cache::new(cache.to_owned()).model(repo.to_owned()) }
    }

    /// The path to the folder or file, if the cache has all of it.
    pub(super) fn find(&self, id: &HubId) -> Option<PathBuf> {
        if let Some(file) = &id.file {
            return self.cache.get(file);
        }
        REQUIRED.iter().try_for_each(|file| self.cache.get(file).map(drop))?;
        let first = self.cache.get(WEIGHTS).or_else(|| self.cache.get(INDEX).filter(|index| has_shards(index)))?;
        first.parent().map(Path::to_owned)
    }

    /// The snapshot of a commit, made unless it is there.
    pub(super) fn snapshot(self, commit: &str) -> Result<Snapshot, HubError> {
        let folder = self.cache.pointer_path(commit);
        let repo = Repo::with_revision(self.repo, RepoType::Model, commit.to_owned());
        let snapshot = Snapshot { folder, cache: self.cache, repo, commit: commit.to_owned() };
        let blobs = snapshot.blob("");
        for folder in [&snapshot.folder, &blobs] {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        Ok(snapshot)
    }
}

/// A repository at one commit, in the cache.
pub(super) struct Snapshot {
    folder: PathBuf,
    cache: CacheRepo,
    repo: Repo,
    commit: String,
}

impl Snapshot {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The repository, pinned to the commit.
    pub(super) fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Where the content of this tag lies.
    pub(super) fn blob(&self, tag: &str) -> PathBuf {
        self.cache.blob_path(tag)
    }

    /// Gives the content of this tag a name.
    pub(super) fn link(&self, tag: &str, file: &str) -> Result<(), HubError> {
        let path = self.folder.join(file);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let blobs = format!("{}../../blobs", "../".repeat(file.matches('/').count()));
        // A link whose blob was deleted is there and does not exist.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error)),
            _ => symlink(Path::new(&blobs).join(tag), &path).map_err(failed(&path)),
        }
    }

    /// Makes this commit the one that the cache answers with.
    pub(super) fn make_current(&self) -> Result<(), HubError> {
        self.cache.create_ref(&self.commit).map_err(failed(&self.folder))
    }
}

fn has_shards(index: &Path) -> bool {
    shards(index).is_ok_and(|files| files.iter().all(|file| index.with_file_name(file).exists()))
}
