//! The rows with status 400: what is wrong with a request, and where.

use std::fmt::Display;

use axum::http::StatusCode;

use super::{ApiError, INVALID};
use crate::grammar::GrammarError;

/// Characters of a client's value that an answer may repeat.
const EXCERPT: usize = 128;

/// The beginning of a client's text, escaped: 128 characters at most, and three dots where there was more.
pub fn excerpt(text: &str) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for character in text.chars() {
        let shown = character.escape_debug();
        if length + shown.len() > EXCERPT {
            escaped.push_str("...");
            break;
        }
        length += shown.len();
        escaped.extend(shown);
    }
    escaped
}

impl ApiError {
    pub(super) fn bad_request(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, message).at(param)
    }

    /// `code` at `param`, with a message that begins with the path.
    fn about(code: &'static str, param: &str, says: impl Display) -> Self {
        Self::bad_request(code, param, format!("{} {says}", excerpt(param)))
    }

    /// The body is no JSON, or is ambiguous.
    pub fn invalid_json(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, "invalid_json", message)
    }

    /// The whole body has the wrong type.
    pub fn not_an_object() -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, "invalid_type", "the body must be an object")
    }

    /// A required member is absent.
    pub fn missing(param: &str) -> Self {
        Self::about("missing_required_parameter", param, "is required")
    }

    /// A value has the wrong type.
    pub fn invalid_type(param: &str, says: impl Display) -> Self {
        Self::about("invalid_type", param, says)
    }

    /// A value is not one of those allowed, or contradicts another.
    pub fn invalid_value(param: &str, says: impl Display) -> Self {
        Self::about("invalid_value", param, says)
    }

    /// An integer is too large.
    pub fn integer_above(param: &str, max: i64) -> Self {
        Self::about("integer_above_max_value", param, format_args!("must be at most {max}"))
    }

    /// An integer is too small.
    pub fn integer_below(param: &str, min: i64) -> Self {
        Self::about("integer_below_min_value", param, format_args!("must be at least {min}"))
    }

    /// A number is too large.
    pub fn decimal_above(param: &str, max: impl Display) -> Self {
        Self::about("decimal_above_max_value", param, format_args!("must be at most {max}"))
    }

    /// A number is too small; `bound` says how small it may be, such as `at least 0`.
    pub fn decimal_below(param: &str, bound: impl Display) -> Self {
        Self::about("decimal_below_min_value", param, format_args!("must be {bound}"))
    }

    /// A string is too long; `unit` is what is counted.
    pub fn string_above(param: &str, length: usize, max: usize, unit: &str) -> Self {
        let says = format_args!("has {length} {unit}, limit {max}");
        Self::about("string_above_max_length", param, says)
    }

    /// A string is empty.
    pub fn string_below(param: &str) -> Self {
        Self::about("string_below_min_length", param, "must not be empty")
    }

    /// A list has too many items.
    pub fn array_above(param: &str, max: impl Display) -> Self {
        Self::about("array_above_max_length", param, format_args!("must have at most {max} items"))
    }

    /// A list has no items.
    pub fn array_below(param: &str) -> Self {
        Self::about("array_below_min_length", param, "must not be empty")
    }

    /// A member is in no table.
    pub fn unknown_parameter(param: &str) -> Self {
        Self::about("unknown_parameter", param, "is not a known parameter")
    }

    /// A member is known elsewhere and not served here; `instead` says what to do, or is empty.
    pub fn unsupported_parameter(param: &str, instead: &str) -> Self {
        Self::about("unsupported_parameter", param, format_args!("is not supported{instead}"))
    }

    /// A value of a supported member is known elsewhere and not served here.
    pub fn unsupported_value(param: &str, says: impl Display) -> Self {
        Self::about("unsupported_value", param, says)
    }

    /// A schema, regular expression or grammar is wrong or cannot be kept.
    pub fn invalid_schema(param: &str, says: impl Display) -> Self {
        Self::about("invalid_schema", param, says)
    }

    /// A form that the answer should have cannot be kept.
    pub fn grammar(param: &str, error: &GrammarError) -> Self {
        let says = excerpt(&error.to_string());
        match error {
            GrammarError::Invalid(_) => Self::invalid_schema(param, says),
            GrammarError::TooComplex(_) => Self::about("grammar_too_complex", param, says),
            GrammarError::Full => Self::overloaded(&says),
            GrammarError::NoEnd => Self::unsupported_value(param, says),
        }
    }

    /// A token's mask cost too much.
    pub fn grammar_failed(param: &str) -> Self {
        Self::about("grammar_too_complex", param, "costs too much to keep")
    }

    /// The chat template does not take the messages.
    pub fn template_error(says: impl Display) -> Self {
        let message = excerpt(&says.to_string());
        Self::bad_request("template_error", "messages", format!("the chat template rejects the messages: {message}"))
    }

    /// Prompt and tokens to generate exceed the context.
    pub fn context_length(param: &str, prompt: usize, new: usize, limit: usize) -> Self {
        let message = format!(
            "this model's maximum context length is {limit} tokens, the request needs {} ({prompt} in the prompt, {new} to generate)",
            prompt.saturating_add(new)
        );
        Self::bad_request("context_length_exceeded", param, message)
    }

    /// The prompt is too long to be looked at.
    pub fn prompt_bytes(param: &str, bytes: usize, limit: usize) -> Self {
        let message = format!("the prompt has {bytes} bytes, this model's maximum is {limit} bytes");
        Self::bad_request("context_length_exceeded", param, message)
    }
}
