//! From the bytes of a body to a typed request, or to the error that names what is wrong and where.
//!
//! Two passes. The first asks only whether the bytes are one unambiguous JSON value ([`syntax`]); all it finds is
//! `invalid_json`. So whatever the second finds is wrong with a value, and serde's own messages, which begin with
//! pinned words, say how. This file is the only one that reads them.

mod syntax;

use serde::de::DeserializeOwned;

use crate::error::{ApiError, excerpt};

/// Reads a body. The error is a 400 with the path of the member that is wrong.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = syntax::check(body)?;
    if !text.trim_start().starts_with('{') {
        return Err(ApiError::not_an_object());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "" } else { &path };
        classify(path, &error.inner().to_string())
    })
}

/// Reads any one value from a text inside a body, under the rules of bodies.
pub fn value(text: &str) -> Result<serde_json::Value, ApiError> {
    let text = syntax::check(text.as_bytes())?;
    serde_json::from_str(text).map_err(|error| ApiError::invalid_json(&error.to_string()))
}

/// The row that a message of serde belongs to. The words are those of `serde::de::Error`'s provided methods.
fn classify(path: &str, message: &str) -> ApiError {
    let message = without_position(message);
    if let Some(name) = quoted_after(message, "missing field `") {
        return ApiError::missing(&join(path, name));
    }
    if message.starts_with("unknown field `") {
        return ApiError::unknown_parameter(path);
    }
    if let Some(bound) = number_after(message, "invalid value: integer above ") {
        return ApiError::integer_above(path, bound);
    }
    if let Some(bound) = number_after(message, "invalid value: integer below ") {
        return ApiError::integer_below(path, bound);
    }
    if let Some(bound) = number_after(message, "invalid value: decimal above ") {
        return ApiError::decimal_above(path, bound);
    }
    if let Some(bound) = number_after(message, "invalid value: decimal below ") {
        return ApiError::decimal_below(path, format_args!("at least {bound}"));
    }
    if message.starts_with("invalid value: decimal not above 0,") {
        return ApiError::decimal_below(path, "above 0");
    }
    if let Some(bytes) = number_after(message, "invalid value: string of ") {
        return match number_after(message, " to ") {
            Some(max) if bytes > max => ApiError::string_above(path, bytes as usize, max as usize, "bytes"),
            _ => ApiError::string_below(path),
        };
    }
    if message.starts_with("invalid length 0,") {
        return ApiError::array_below(path);
    }
    if message.starts_with("invalid length ") {
        return match number_after(message, "expected at most ") {
            Some(max) => ApiError::array_above(path, max),
            None => ApiError::invalid_value(path, "has the wrong length"),
        };
    }
    if message.starts_with("unknown variant `") {
        return ApiError::invalid_value(path, expectation(message));
    }
    if let Some(found) = message.strip_prefix("invalid type: ") {
        return ApiError::invalid_type(path, format_args!("{}, not {}", expectation(message), kind(found)));
    }
    ApiError::invalid_value(path, "has a value that is not allowed")
}

/// `must be ...`, from what serde expected. Those words are ours, and they come last.
fn expectation(message: &str) -> String {
    message.rsplit_once(", expected ").map_or("is wrong".to_owned(), |(_, expected)| format!("must be {expected}"))
}

/// What was found, without the text of a string.
fn kind(found: &str) -> String {
    let found = found.rsplit_once(", expected ").map_or(found, |(found, _)| found);
    if found.starts_with("string") { "a string".to_owned() } else { excerpt(found).replace('`', "") }
}

/// `serde_json` ends a message with ` at line 1 column 2`.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

fn quoted_after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message.strip_prefix(words)?.split('`').next()
}

fn number_after(message: &str, words: &str) -> Option<i64> {
    let (_, rest) = message.split_once(words)?;
    let digits = rest.split(|next: char| next != '-' && !next.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests;
