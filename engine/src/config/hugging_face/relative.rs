//! Fields of families whose attention scores know distances: of most of them one value is computed.

use scheduler::Token;
use serde_json::Value;

use super::fields::expect;
use crate::config::json_fields::JsonFields;
use crate::config::{RelativeRule, range};
use crate::error::LoadError;

const CLAMP: &str = "clamp_len";

/// Reads the rule of a family whose texts end with this token, of a model whose heads are so wide.
pub(super) fn read(json: &JsonFields, closing: Token, head_dim: usize) -> Result<RelativeRule, LoadError> {
    let only = [
        ("attn_type", Value::from("bi")),
        ("bi_data", Value::from(false)),
        ("d_head", Value::from(head_dim)),
        ("summary_activation", Value::from("tanh")),
        ("summary_proj_to_labels", Value::from(false)),
        ("summary_type", Value::from("last")),
        ("summary_use_proj", Value::from(true)),
    ];
    // of these `null` is a value of its own: no activation
    for (field, only) in only.into_iter().filter(|(field, _)| json.names_field(field)) {
        let value = json.value(field).unwrap_or(&Value::Null);
        expect(value, &only).map_err(|reason| json.error(field, reason))?;
    }
    Ok(RelativeRule { clamp: above_zero(json, CLAMP)?, closing })
}

/// A greatest distance, or none, which files write as a number that is not above 0.
pub(super) fn above_zero(json: &JsonFields, field: &str) -> Result<Option<usize>, LoadError> {
    match json.number(field)? {
        Some(number) if number > 0.0 => json.optional_count(field, range::POSITIONS),
        _ => Ok(None),
    }
}
