//! Fields of families whose attention scores are products of tokens and distances too.

use serde_json::Value;

use super::fields::expect;
use super::relative::above_zero;
use crate::config::DisentangledRule;
use crate::config::json_fields::JsonFields;
use crate::error::{LoadError, shown};

const BUCKETS: &str = "position_buckets";
const FARTHEST: &str = "max_relative_positions";
const NORM: &str = "norm_rel_ebd";
const PRODUCTS: &str = "pos_att_type";
/// More tokens than any text has: each of their distances has a place.
const MOST_TOKENS: u64 = 1 << 16;

/// Reads the rule of a model whose stream and heads are so wide; this field says how long its texts may be.
pub(super) fn read(
    json: &JsonFields,
    (hidden_size, head_dim): (usize, usize),
    most: &str,
) -> Result<DisentangledRule, LoadError> {
    check(json, hidden_size, head_dim)?;
    let max_tokens = json.count(most, 1..=MOST_TOKENS)?;
    let farthest = above_zero(json, FARTHEST)?.unwrap_or(max_tokens);
    let buckets = above_zero(json, BUCKETS)?;
    if let Some(buckets) = buckets.filter(|buckets| *buckets < 2 || farthest < buckets / 2 + 2) {
        return Err(json.error(BUCKETS, format!("{buckets} is not above 1 and below the distances it shares out")));
    }
    Ok(DisentangledRule {
        span: buckets.unwrap_or(farthest),
        farthest: buckets.is_some().then_some(farthest),
        has_norm: has_norm(json)?,
        shares_matrices: json.bool("share_att_key")?.unwrap_or(false),
        max_tokens,
    })
}

/// Fails where a field asks for something that is not computed, or where distances are not asked for: they are not by default.
fn check(json: &JsonFields, hidden_size: usize, head_dim: usize) -> Result<(), LoadError> {
    let found = |field: &str| json.value(field).unwrap_or(&Value::Null);
    let needed = [("relative_attention", true), ("position_biased_input", false)];
    let mut verdicts: Vec<_> =
        needed.into_iter().map(|(field, only)| (field, expect(found(field), &Value::from(only)))).collect();
    let sizes = [
        ("attention_head_size", head_dim),
        ("conv_kernel_size", 0),
        ("embedding_size", hidden_size),
        ("pooler_hidden_size", hidden_size),
    ];
    for (field, only) in sizes {
        verdicts.extend(json.value(field).map(|value| (field, expect(value, &Value::from(only)))));
    }
    verdicts.push((PRODUCTS, check_products(found(PRODUCTS))));
    for (field, verdict) in verdicts {
        verdict.map_err(|reason| json.error(field, reason))?;
    }
    Ok(())
}

/// Both products, in a list or in one text.
fn check_products(value: &Value) -> Result<(), String> {
    let listed = value.as_array().map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let mut products =
        listed.or(value.as_str().map(|text| text.split('|').map(str::trim).collect())).unwrap_or_default();
    products.sort_unstable();
    if products == ["c2p", "p2c"] {
        return Ok(());
    }
    Err(format!("{} is not supported, only c2p and p2c together", shown(&value.to_string())))
}

fn has_norm(json: &JsonFields) -> Result<bool, LoadError> {
    match json.text(NORM)? {
        None | Some("none") => Ok(false),
        Some("layer_norm") => Ok(true),
        Some(other) => {
            Err(json.error(NORM, format!("\"{}\" is not supported; supported: none, layer_norm", shown(other))))
        }
    }
}
