//! Tools: how models write calls, and how calls are told from text.
//!
//! ```text
//! format     how each family writes a call: one table, read by the prompt, the grammar and the reader
//! notation   how arguments are spelled: JSON, Python, marked texts
//! written    tools and calls as text, for chat templates that know none
//! trigger    the words that open calls, watched for in a text that is free until then
//! reader     text -> content and calls       arguments  arguments in any notation -> JSON
//! ```
//!
//! Once calls are open the grammar keeps the answer to the format, so the reader never has to guess.

use std::sync::Arc;

mod arguments;
pub mod format;
pub(crate) mod notation;
pub mod reader;
pub(crate) mod trigger;
pub(crate) mod written;

pub use format::CallFormat;
pub use notation::Notation;
pub use reader::{CallDelta, CallReader};

/// The calls that an answer may hold.
#[derive(Clone, Debug)]
pub struct AnswerCalls {
    /// How they are written.
    pub format: &'static CallFormat,
    /// What may be called.
    pub names: Arc<[String]>,
}
