//! Models of a Hugging Face hub, in the cache layout that its other clients share.
//!
//! hf-hub knows the layout and the repository's listing; the bytes we fetch ourselves, because it neither checks
//! them nor notices a server that ignores ranges. What is in a snapshot has the size and sum that the hub published.

use std::path::{Path, PathBuf};

use crate::progress::Progress;

mod client;
mod download;
mod error;
mod id;
mod listing;
mod settings;
mod snapshot;

pub use error::HubError;
pub use id::HubId;
pub use settings::HubSettings;

use client::Client;
use listing::Listing;
use snapshot::{Layout, Snapshot};

/// A hub and the local cache of it.
#[derive(Debug)]
pub struct Hub {
    client: Client,
    progress: Progress,
}

impl Hub {
    /// Opens no connection yet.
    pub fn new(settings: HubSettings, progress: Progress) -> Result<Self, HubError> {
        Ok(Self { client: Client::new(settings)?, progress })
    }

    /// The path to a model's folder or file, if the cache has all of it; opens no connection.
    pub fn find(settings: &HubSettings, id: &HubId) -> Option<PathBuf> {
        Layout::new(&settings.cache, &id.repo).find(id)
    }

    /// The path to a model's folder or file; it is downloaded unless the cache has all of it.
    pub fn fetch(&self, id: &HubId) -> Result<PathBuf, HubError> {
        let settings = self.client.settings();
        if let Some(path) = Self::find(settings, id) {
            return Ok(path);
        }
        if settings.offline {
            return Err(HubError::Offline { id: id.to_string(), cache: settings.cache.clone() });
        }
        self.progress.say(&format!("asking {} for {}", settings.endpoint, id.repo));
        let listing = self.client.listing(&id.repo)?;
        let snapshot = Layout::new(&settings.cache, &id.repo).snapshot(listing.commit())?;
        let path = match &id.file {
            Some(file) => self.fetch_file(&snapshot, listing.require(file)?)?,
            None => self.fetch_folder(&snapshot, &listing)?,
        };
        // Last: a cache whose reference points at a snapshot can do without the network.
        snapshot.make_current()?;
        Ok(path)
    }

    fn fetch_folder(&self, snapshot: &Snapshot, listing: &Listing) -> Result<PathBuf, HubError> {
        for file in listing.small_files()? {
            self.fetch_file(snapshot, file)?;
        }
        if listing.has(listing::WEIGHTS) {
            self.fetch_file(snapshot, listing::WEIGHTS)?;
            return Ok(snapshot.folder().to_owned());
        }
        let index = self.fetch_file(snapshot, listing.index()?)?;
        for shard in listing::shards(&index)? {
            self.fetch_file(snapshot, listing.require(&shard)?)?;
        }
        Ok(snapshot.folder().to_owned())
    }

    fn fetch_file(&self, snapshot: &Snapshot, file: &str) -> Result<PathBuf, HubError> {
        let path = snapshot.folder().join(file);
        if !path.exists() {
            let remote = self.client.remote_file(snapshot, file)?;
            let blob = snapshot.blob(&remote.tag);
            download::fetch(&self.client, &remote, &blob, self.progress)?;
            snapshot.link(&remote.tag, file)?;
        }
        Ok(path)
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> HubError {
    move |source| HubError::Io { path: path.to_owned(), source }
}
