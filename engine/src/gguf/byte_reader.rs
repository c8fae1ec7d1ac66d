//! Little-endian reads that know how many bytes are left.
//!
//! Invariant: nothing is allocated or skipped before the length is compared with the rest of the file.

use std::io::{BufRead, Seek};

/// A reader with a position, a length and a reason for every refusal.
#[derive(Debug)]
pub(crate) struct ByteReader<R> {
    source: R,
    position: u64,
    len: u64,
}

/// What is wrong with the bytes, without the file's name.
pub(crate) type Reason = String;

impl<R: BufRead + Seek> ByteReader<R> {
    pub(crate) fn new(source: R, len: u64) -> Self {
        Self { source, position: 0, len }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn left(&self) -> u64 {
        self.len - self.position
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Reason> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Reason> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A count of things that take `bytes_each` bytes or more: more than the file can hold is refused.
    pub(crate) fn count(&mut self, what: &str, bytes_each: u64) -> Result<u64, Reason> {
        let count = self.u64()?;
        let possible = self.left() / bytes_each;
        if count > possible {
            return Err(format!("{count} {what} cannot lie in the {} bytes left", self.left()));
        }
        Ok(count)
    }

    /// A string of `limit` bytes at most, still encoded.
    pub(crate) fn bytes(&mut self, limit: u64) -> Result<Vec<u8>, Reason> {
        let length = self.count("bytes of text", 1)?;
        if length > limit {
            return Err(format!("text of {length} bytes, limit {limit}"));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends a string's bytes to `text` and returns their number.
    pub(crate) fn append(&mut self, text: &mut Vec<u8>) -> Result<usize, Reason> {
        let length = self.count("bytes of text", 1)? as usize;
        let start = text.len();
        text.resize(start + length, 0);
        self.fill(&mut text[start..])?;
        Ok(length)
    }

    pub(crate) fn text(&mut self, limit: u64) -> Result<String, Reason> {
        String::from_utf8(self.bytes(limit)?).map_err(|_| "text is not UTF-8".to_owned())
    }

    pub(crate) fn skip(&mut self, bytes: u64) -> Result<(), Reason> {
        self.need(bytes)?;
        let distance = i64::try_from(bytes).map_err(|_| format!("{bytes} bytes are too many to skip"))?;
        self.source.seek_relative(distance).map_err(|error| error.to_string())?;
        self.position += bytes;
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Reason> {
        self.need(bytes.len() as u64)?;
        self.source.read_exact(bytes).map_err(|error| error.to_string())?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn need(&self, bytes: u64) -> Result<(), Reason> {
        if bytes > self.left() {
            return Err(format!("needs {bytes} bytes at offset {}, file has {}", self.position, self.len));
        }
        Ok(())
    }
}
