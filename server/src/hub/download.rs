//! Brings one file into the cache: resumed where it was cut, checked, and only then under its name.
//!
//! A part lies beside its blob as `.incomplete`, locked while someone writes it.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use ureq::{
    Body,
    http::{Response, header},
};

use super::{
    HubError,
    client::{Client, RemoteFile},
    failed,
};
use crate::{checksum::Checksum, progress::Progress};

/// How often one call picks up after a cut that came after new bytes.
const ATTEMPTS: usize = 5;

/// Downloads the file to `blob`, unless that exists.
pub(super) fn fetch(client: &Client, remote: &RemoteFile, blob: &Path, progress: Progress) -> Result<(), HubError> {
    let part = Part::open(remote, blob)?;
    if blob.exists() {
        return Ok(());
    }
    let start = part.len()?;
    let bar = progress.bar(&remote.name, remote.size, start);
    progress.say(&match (remote.size, start) {
        (Some(size), 0) => format!("downloading {} ({size} bytes)", remote.name),
        (Some(size), start) => format!("resuming {} at {start} of {size} bytes", remote.name),
        (None, _) => format!("downloading {}", remote.name),
    });
    let outcome = part.fill(client, &bar);
    bar.finish_and_clear();
    part.check(outcome?)?;
    fs::rename(&part.path, blob).map_err(failed(blob))
}

/// A file that is not whole yet.
struct Part<'a> {
    remote: &'a RemoteFile,
    path: PathBuf,
    file: File,
}

impl<'a> Part<'a> {
    /// Waits until nobody else writes it.
    fn open(remote: &'a RemoteFile, blob: &Path) -> Result<Self, HubError> {
        let path = blob.with_file_name(format!("{}.incomplete", remote.tag));
        let file = File::options().read(true).append(true).create(true).open(&path);
        let file = file.and_then(|file| file.lock().map(|()| file)).map_err(failed(&path))?;
        Ok(Self { remote, path, file })
    }

    fn len(&self) -> Result<u64, HubError> {
        Ok(self.file.metadata().map_err(failed(&self.path))?.len())
    }

    fn clear(&self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(failed(&self.path))
    }

    /// Appends what is missing, as long as each attempt brings something; says how the last one ended.
    fn fill(&self, client: &Client, bar: &ProgressBar) -> Result<String, HubError> {
        if self.remote.size.is_some_and(|size| self.len().is_ok_and(|len| len > size)) {
            self.clear()?;
        }
        let mut reason = "the content ended".to_owned();
        for _ in 0..ATTEMPTS {
            let start = self.len()?;
            if self.remote.size == Some(start) {
                break;
            }
            match self.append(client, start, bar) {
                Ok(()) if self.remote.size.is_none() => break,
                Ok(()) => "the content ended".clone_into(&mut reason),
                Err(AttemptError::Local(error)) => return Err(error),
                Err(AttemptError::Remote(error)) => reason = error,
            }
            if self.len()? <= start {
                break;
            }
        }
        Ok(reason)
    }

    fn append(&self, client: &Client, start: u64, bar: &ProgressBar) -> Result<(), AttemptError> {
        let answer = client.open(self.remote, start).map_err(|error| AttemptError::Remote(error.to_string()))?;
        if start > 0 && !continues_at(&answer, start) {
            self.clear()?;
        }
        bar.set_position(self.len()?);
        let mut body = answer.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = body.read(&mut chunk).map_err(|error| AttemptError::Remote(error.to_string()))?;
            if count == 0 {
                return Ok(());
            }
            (&self.file).write_all(&chunk[..count]).map_err(failed(&self.path))?;
            bar.inc(count as u64);
            self.refuse_excess()?;
        }
    }

    fn refuse_excess(&self) -> Result<(), HubError> {
        let len = self.len()?;
        match self.remote.size {
            Some(expected) if len > expected => {
                self.clear()?;
                Err(HubError::TooLong { file: self.remote.name.clone(), expected })
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is not as the hub published it: a part that is too short is kept, a wrong one emptied.
    fn check(&self, reason: String) -> Result<(), HubError> {
        self.file.sync_all().map_err(failed(&self.path))?;
        let (file, found) = (self.remote.name.clone(), self.len()?);
        let checksum = self.remote.checksum();
        let kind = checksum.unwrap_or(Checksum::Sha256);
        let sum = self.sum(kind)?;
        let is_right = sum.eq_ignore_ascii_case(&self.remote.tag);
        let (sum, expected_sum) = (format!("{} {sum}", kind.name()), self.remote.tag.clone());
        match self.remote.size {
            Some(expected) if found < expected => {
                Err(HubError::Truncated { file, found, expected, sum, expected_sum, reason })
            }
            _ if checksum.is_some() && !is_right => {
                self.clear()?;
                Err(HubError::Sum { file, sum, expected_sum })
            }
            _ => Ok(()),
        }
    }

    fn sum(&self, kind: Checksum) -> Result<String, HubError> {
        let file = File::open(&self.path).map_err(failed(&self.path))?;
        kind.of(file).map_err(failed(&self.path))
    }
}

/// Why one attempt ended.
enum AttemptError {
    /// Our disk, or a rule of ours: no use in another.
    Local(HubError),
    /// The connection.
    Remote(String),
}

impl From<HubError> for AttemptError {
    fn from(error: HubError) -> Self {
        Self::Local(error)
    }
}

const CHUNK: usize = 1 << 16;

/// Whether the answer is the rest that we asked for, not the whole file again.
fn continues_at(answer: &Response<Body>, start: u64) -> bool {
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let range_start = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    range_start == Some(start)
}
