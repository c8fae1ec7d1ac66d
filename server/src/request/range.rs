//! Numbers and strings within their bounds. A decimal is checked as it came and again as it will be used.

use std::ops::RangeInclusive;

use proto::{Integer, Text};

use crate::error::ApiError;

/// Longest id that a body may bring.
const MAX_ID_BYTES: usize = 128;
/// Longest stop string or bad word.
const MAX_WORD_BYTES: usize = 256;

/// The integer, if it lies in the range.
pub(super) fn integer(param: &str, value: Integer, range: RangeInclusive<i64>) -> Result<i64, ApiError> {
    if value.0 > *range.end() {
        return Err(ApiError::integer_above(param, *range.end()));
    }
    if value.0 < *range.start() {
        return Err(ApiError::integer_below(param, *range.start()));
    }
    Ok(value.0)
}

/// The integer as a count from `least` to `most`.
pub(super) fn count(param: &str, value: Integer, least: usize, most: usize) -> Result<usize, ApiError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let value = integer(param, value, least as i64..=most)?;
    usize::try_from(value).map_err(|_| ApiError::integer_above(param, most))
}

/// The number as the sampler uses it, if it lies in the range before and after.
pub(super) fn decimal(param: &str, value: f64, range: RangeInclusive<f32>) -> Result<f32, ApiError> {
    let (least, most) = range.into_inner();
    if value > f64::from(most) || value.is_nan() {
        return Err(ApiError::decimal_above(param, most));
    }
    if value < f64::from(least) {
        return Err(ApiError::decimal_below(param, format_args!("at least {least}")));
    }
    Ok(narrow(value))
}

/// The number as the sampler uses it, if it is above 0 and at most `most`, before and after.
pub(super) fn positive_decimal(param: &str, value: f64, most: f32) -> Result<f32, ApiError> {
    let value = decimal(param, value, f32::MIN..=most)?;
    if value > 0.0 { Ok(value) } else { Err(ApiError::decimal_below(param, "above 0")) }
}

/// Rounds to the nearest; the ends of a range are exact in both types, so a value inside stays inside.
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Checks an id or another short string.
pub(super) fn short(param: &str, text: Option<&Text>) -> Result<(), ApiError> {
    match text {
        Some(text) if text.len() > MAX_ID_BYTES => {
            Err(ApiError::string_above(param, text.len(), MAX_ID_BYTES, "bytes"))
        }
        _ => Ok(()),
    }
}

/// A word of 1 to 256 bytes, such as a stop string.
pub(super) fn word(param: &str, text: Text) -> Result<String, ApiError> {
    match text.len() {
        0 => Err(ApiError::string_below(param)),
        1..=MAX_WORD_BYTES => Ok(text.into_string()),
        bytes => Err(ApiError::string_above(param, bytes, MAX_WORD_BYTES, "bytes")),
    }
}

/// The words of the list at `path`.
pub(super) fn words(path: &str, texts: Vec<Text>) -> Result<Vec<String>, ApiError> {
    let texts = texts.into_iter().enumerate();
    texts.map(|(index, text)| word(&format!("{path}[{index}]"), text)).collect()
}

/// A short string of at least one byte.
pub(super) fn short_some(param: &str, text: Option<Text>) -> Result<Option<String>, ApiError> {
    short(param, text.as_ref())?;
    match text {
        Some(text) if text.is_empty() => Err(ApiError::string_below(param)),
        text => Ok(text.map(Text::into_string)),
    }
}
