//! What only Gemmas say: caps of scores and logits, and what scores are divided by.

use crate::config::families::Family;
use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::LoadError;

const CAPS: [&str; 2] = ["attn_logit_softcapping", "final_logit_softcapping"];

/// Of attention scores and of logits.
pub(super) fn caps(json: &JsonFields, family: &Family) -> Result<[Option<f32>; 2], LoadError> {
    let Some(gemma) = family.gemma else { return Ok([None; 2]) };
    let cap = |index: usize| {
        let said = json.judged(CAPS[index], range::positive)?;
        Ok(if json.names_field(CAPS[index]) { said } else { gemma.caps[index] })
    };
    Ok([cap(0)?, cap(1)?])
}

/// The width by whose root scores are divided, if it is not the head's.
pub(super) fn score_width(json: &JsonFields, family: &Family) -> Result<Option<usize>, LoadError> {
    let said = json.optional_count("query_pre_attn_scalar", range::WIDTH)?;
    Ok(family.gemma.and_then(|gemma| gemma.score_width).map(|default| said.unwrap_or(default)))
}
