//! One thing a run had to show, and whether it did.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

/// The outcome of one check or pass mark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What was checked.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// The numbers behind it.
    pub detail: String,
}

impl Verdict {
    /// A verdict with its numbers.
    pub fn new(name: &str, passed: bool, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), passed, detail: detail.into() }
    }

    /// A check that holds if it gave no error.
    pub fn from_result(name: &str, result: Result<String>) -> Self {
        match result {
            Ok(detail) => Self::new(name, true, detail),
            Err(error) => Self::new(name, false, format!("{error:#}")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.passed { "ok    " } else { "FAILED" };
        write!(f, "{sign} {}: {}", self.name, self.detail)
    }
}
