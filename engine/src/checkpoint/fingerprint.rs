//! A short stable name for a model's files: FNV-1a over headers, configuration and lengths.
//!
//! It tells models apart by accident, not against intent: weights are not part of it.

use std::fmt;

use crate::error::LoadError;
use crate::model_file::ModelFile;

/// A running hash; prints as 12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{:012x}", self.0 >> 16)
    }
}

/// Hashes the first `header_bytes` of a file and the file's length.
pub(crate) fn hash_header(file: &ModelFile, header_bytes: u64) -> Result<Fingerprint, LoadError> {
    let mut fingerprint = Fingerprint::new();
    let mut buffer = [0; 1 << 14];
    let end = header_bytes.min(file.len());
    let mut offset = 0;
    while offset < end {
        let bytes = &mut buffer[..(end - offset).min(1 << 14) as usize];
        file.read_at(bytes, offset)?;
        fingerprint.add(bytes);
        offset += bytes.len() as u64;
    }
    fingerprint.add(&file.len().to_le_bytes());
    Ok(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_hash() {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add(b"foobar");
        assert_eq!(fingerprint.0, 0x8594_4171_f739_67e8);
        assert_eq!(fingerprint.to_string(), "85944171f739");
    }
}
