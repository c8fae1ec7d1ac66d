//! `LongRoPE` in `config.json`: two lists of divisors, and what cosines and sines are multiplied with.

use std::ops::RangeInclusive;

use super::agreed::agreed;
use crate::config::families::Family;
use crate::config::json_fields::JsonFields;
use crate::config::{LongRope, range};
use crate::error::LoadError;

const SHORT: &str = "short_factor";
const LONG: &str = "long_factor";
const FACTOR: &str = "factor";
const AMPLITUDE: &str = "attention_factor";
/// It stands in the file or in the object beside the others.
const ORIGINAL: &str = "original_max_position_embeddings";

/// The logarithm of one is none to divide by.
const ORIGINALS: RangeInclusive<u64> = 2..=*range::POSITIONS.end();

/// What the object holds.
pub(super) const FIELDS: [&str; 5] = [SHORT, LONG, FACTOR, AMPLITUDE, ORIGINAL];

/// Reads the object, whose lists have a number for each of so many pairs.
pub(super) fn read(
    fields: &JsonFields,
    json: &JsonFields,
    family: &Family,
    pairs: usize,
) -> Result<LongRope, LoadError> {
    let [outside, inside] = [json, fields].map(|place| place.optional_count(ORIGINAL, ORIGINALS));
    let original = agreed(fields, [(ORIGINAL, outside?), (ORIGINAL, inside?)])?;
    let original = original.ok_or_else(|| json.missing(ORIGINAL))?;
    let positions = json.count(family.names.max_positions, range::POSITIONS)?;
    let factor = fields.judged(FACTOR, range::positive)?.map_or(positions as f64 / original as f64, f64::from);
    let amplitude = fields.judged(AMPLITUDE, range::positive)?.unwrap_or_else(|| amplitude(factor, original));
    Ok(LongRope {
        short: divisors(fields, SHORT, pairs)?,
        long: divisors(fields, LONG, pairs)?,
        original_max_positions: original,
        amplitude,
    })
}

/// What a context that is so many times the original one asks for, where the file does not say it.
fn amplitude(factor: f64, original: usize) -> f32 {
    if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original as f64).ln()).sqrt() as f32 }
}

fn divisors(fields: &JsonFields, field: &str, pairs: usize) -> Result<Vec<f32>, LoadError> {
    let value = fields.value(field).ok_or_else(|| fields.missing(field))?;
    let numbers = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let divisors: Option<Vec<f32>> = numbers.iter().map(|number| range::positive(number.as_f64()?).ok()).collect();
    let divisors = divisors.filter(|divisors| divisors.len() == pairs);
    divisors.ok_or_else(|| fields.error(field, format!("is not a list of {pairs} numbers above 0")))
}
