//! Thoughts: what models write between two markers before they answer.
//!
//! ```text
//! format   the markers of each family, and whether a prompt opens a thought itself
//! watch    the markers, watched for byte by byte
//! reader   text -> thought and answer
//! ```
//!
//! A thought stands at the beginning of an answer or nowhere. The reader of an answer's text and the masks of its tokens
//! (`grammar/thought.rs`) follow it by the same watch, so that they agree on where it ends.

pub mod format;
pub mod reader;
pub(crate) mod watch;

pub use format::{ReasoningFormat, ReasoningParser, Thinking};
pub use reader::{ThoughtReader, ThoughtText};
