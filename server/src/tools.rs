//! Tools: how models write calls, and how calls are told from text.
//!
//! ```text
//! format     how each family writes a call: one table, read by the prompt, the grammar and the reader
//! written    tools and calls as text, for chat templates that know none
//! trigger    the words that open calls, watched for in a text that is free until then
//! reader     text -> content and calls
//! ```
//!
//! Once calls are open the grammar keeps the answer to the format, so the reader never has to guess.

pub mod format;
pub mod reader;
pub(crate) mod trigger;
pub(crate) mod written;

pub use format::CallFormat;
pub use reader::{CallDelta, CallReader};
