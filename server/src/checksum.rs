//! Sums that publishers give for their files.
//!
//! The hub names large files by sha256 and small ones by git's blob sum, a sha1 over length and content.

use std::{
    fs::File,
    io::{self, Read},
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A kind of sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Of the content.
    Sha256,
    /// Of a header with the length, then the content.
    GitBlob,
}

impl Checksum {
    /// The kind of sum that this text of hex digits is, told by its length.
    pub fn of_digits(digits: &str) -> Option<Self> {
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match digits.len() {
            64 if is_hex => Some(Self::Sha256),
            40 if is_hex => Some(Self::GitBlob),
            _ => None,
        }
    }

    /// The sum of a whole file, in lower hex digits.
    pub fn of(self, file: File) -> io::Result<String> {
        match self {
            Self::Sha256 => digest(Sha256::new(), file),
            Self::GitBlob => {
                let header = format!("blob {}\0", file.metadata()?.len());
                digest(Sha1::new_with_prefix(header), file)
            }
        }
    }

    /// Its name in a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::GitBlob => "git sum",
        }
    }
}

fn digest(mut hasher: impl Digest, mut file: File) -> io::Result<String> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&chunk[..count]);
    }
}

const CHUNK: usize = 1 << 16;

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
