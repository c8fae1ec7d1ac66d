//! A rendered prompt in pieces: what the template wrote, and what came from messages.
//!
//! Control tokens may be recognised in the first kind only. `Debug` prints lengths only.

use std::fmt;
use std::ops::Range;

/// A stretch of a prompt, by who wrote it.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// Written by the template: its control tokens are meant.
    Scaffold(String),
    /// Written by a user, a tool or the model: always plain text.
    Content(String),
}

impl Piece {
    /// The text, whoever wrote it.
    pub fn text(&self) -> &str {
        match self {
            Self::Scaffold(text) | Self::Content(text) => text,
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scaffold(text) => write!(formatter, "Scaffold({} bytes)", text.len()),
            Self::Content(text) => write!(formatter, "Content({} bytes)", text.len()),
        }
    }
}

/// The pieces as one text, and which byte ranges of it are scaffold.
pub(super) struct JoinedPieces {
    pub(super) text: String,
    /// In order, never empty, never touching each other.
    pub(super) scaffold: Vec<Range<usize>>,
}

impl JoinedPieces {
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let mut joined = Self { text: String::new(), scaffold: Vec::new() };
        for piece in pieces {
            let start = joined.text.len();
            joined.text.push_str(piece.text());
            if matches!(piece, Piece::Scaffold(_)) {
                joined.add_scaffold(start..joined.text.len());
            }
        }
        joined
    }

    fn add_scaffold(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self.scaffold.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.scaffold.push(range),
        }
    }
}
