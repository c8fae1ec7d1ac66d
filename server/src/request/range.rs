//! Numbers as they are used, and bounds that depend on more than the member: on the model, a flag, or another member.
//!
//! Bounds that are always the same belong to the types of `proto`.

use proto::{Decimal, Integer, PositiveDecimal};

use crate::error::ApiError;

/// The integer as a count; one below 0 is 0.
pub(super) fn size<const MIN: i64, const MAX: i64>(value: Integer<MIN, MAX>) -> usize {
    usize::try_from(value.0).unwrap_or(0)
}

/// The integer as a count from `least` to `most`.
pub(super) fn count<const MIN: i64, const MAX: i64>(
    param: &str,
    value: Integer<MIN, MAX>,
    least: usize,
    most: usize,
) -> Result<usize, ApiError> {
    match size(value) {
        count if count > most => Err(ApiError::integer_above(param, i64::try_from(most).unwrap_or(i64::MAX))),
        count if count < least => Err(ApiError::integer_below(param, least as i64)),
        count => Ok(count),
    }
}

/// The number as the sampler uses it: rounded to the nearest. The bounds are exact in both types, so it stays inside.
pub(super) fn decimal<const MIN: i32, const MAX: i32>(value: Decimal<MIN, MAX>) -> f32 {
    value.0 as f32
}

/// The number as the sampler uses it, still above 0.
pub(super) fn positive_decimal<const MAX: i32>(value: PositiveDecimal<MAX>) -> f32 {
    value.0 as f32
}
