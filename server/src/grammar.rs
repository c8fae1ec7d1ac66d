//! Text that is bound to a form: from what a request asks for to the masks that its tokens are drawn under.
//!
//! ```text
//! spec      what the request says            schema    how JSON Schemas are read
//! keywords  which of theirs can be kept      exclusive which alternatives exclude each other
//! calls     answers that call tools           free_text the text before calls, which needs no grammar
//! arguments those of calls that are no JSON    thought   what comes before all of these
//! token_set masks put together
//! compiler  spec -> compiled, on a thread     cache     compiled grammars, bounded in bytes
//! session   one prompt's masks, made beside the steps          room      what all models' take together
//! ```
//!
//! The forms are kept by `llguidance`, which is given fuel, not time: what costs too much ends with an error, whoever
//! sent it. Nothing here looks at logits, and no error repeats more than an excerpt of a client's text.

mod arguments;
mod cache;
mod calls;
mod compiler;
mod exclusive;
mod formats;
mod free_text;
mod keywords;
mod room;
mod schema;
mod session;
mod spec;
mod subschemas;
mod thought;
mod token_set;
mod vocabulary;

pub use calls::{Callable, CallsForm, Otherwise};
pub use compiler::{CompiledGrammar, GrammarError, Grammars};
pub use room::GrammarRoom;
pub(crate) use schema::prepare as prepare_schema;
pub use session::GrammarSession;
pub use spec::{Form, GrammarSpec};
pub use thought::BoundThought;

#[cfg(test)]
mod tests;
