//! The language that chat templates are written in: Jinja as transformers sets it up.
//!
//! No loader, and nothing a template calls has an effect outside it.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use super::{date, json_filter};

const MAX_EXCEPTION_CHARACTERS: usize = 1024;

/// What a template said when it refused a conversation.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Raised(pub(super) String);

pub(super) fn new(depth: usize) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_debug(false);
    environment.set_recursion_limit(depth);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", json_filter::to_json);
    environment.add_function("raise_exception", raise);
    environment.add_function("strftime_now", |format: &str| date::format_time(seconds_now(), format));
    environment
}

#[allow(clippy::needless_pass_by_value, reason = "minijinja hands values over")]
fn raise(text: String) -> Result<(), Error> {
    let text: String = text.chars().take(MAX_EXCEPTION_CHARACTERS).collect();
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Raised(text)))
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
