//! Where a template writes to: a text with an end.
//!
//! Counts bytes and looks at the clock; the steps of a template that never writes are bounded by fuel.

use std::{
    io,
    time::{Duration, Instant},
};

const MAX_TIME: Duration = Duration::from_secs(1);

pub(super) struct CappedOutput {
    bytes: Vec<u8>,
    limit: usize,
    started: Instant,
}

impl CappedOutput {
    pub(super) fn new(limit: usize, started: Instant) -> Self {
        Self { bytes: Vec::new(), limit, started }
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl io::Write for CappedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit || self.started.elapsed() > MAX_TIME {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
