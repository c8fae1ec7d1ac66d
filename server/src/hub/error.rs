//! Why a model of the hub cannot be had: one line each, with names and numbers, never with a token.

use std::{io, path::PathBuf};

/// Why a model of the hub cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is no place for a cache.
    #[error("no cache folder: neither HF_HOME nor HOME is set")]
    NoFolder,
    /// The network is forbidden.
    #[error("{id} is not whole in {}, and HF_HUB_OFFLINE forbids to download it", cache.display())]
    Offline {
        /// What was asked for.
        id: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// The hub does not know the model, or not for us.
    #[error("{endpoint} has no model {repo} for us (status {status}): is the name right, does it need an HF_TOKEN?")]
    NoRepo {
        /// The hub.
        endpoint: String,
        /// `org/name`.
        repo: String,
        /// What it answered.
        status: u16,
    },
    /// The model lacks a file.
    #[error("{repo} holds no {file}{hint}")]
    NoFile {
        /// `org/name`.
        repo: String,
        /// What it lacks.
        file: String,
        /// What it has in its place, or nothing.
        hint: String,
    },
    /// No usable answer.
    #[error("{url}: {reason}")]
    Request {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The hub names something that must not become part of a path.
    #[error("{what} '{value}' is not a plain name")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        value: String,
    },
    /// The list of weight files is not one.
    #[error("{}: {reason}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The content ended too early; what came is kept.
    #[error(
        "{file} is truncated: {found} of {expected} bytes came, with {sum} instead of {expected_sum} ({reason}); \
         run it again to resume"
    )]
    Truncated {
        /// Its name.
        file: String,
        /// Bytes that came.
        found: u64,
        /// Bytes that the hub promised.
        expected: u64,
        /// The kind and value of the sum of what came.
        sum: String,
        /// The sum that the hub published.
        expected_sum: String,
        /// How the last attempt ended.
        reason: String,
    },
    /// The content is longer than the hub promised.
    #[error("{file} is longer than the {expected} bytes that the hub promised")]
    TooLong {
        /// Its name.
        file: String,
        /// Bytes that the hub promised.
        expected: u64,
    },
    /// The content is not what the hub published.
    #[error("{file} is not what the hub published: it has {sum} instead of {expected_sum}")]
    Sum {
        /// Its name.
        file: String,
        /// The kind and value of its sum.
        sum: String,
        /// The sum that the hub published.
        expected_sum: String,
    },
    /// A file or folder of the cache.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}
