//! What only Falcon says: how heads share keys, and how attention and MLP follow each other.

use crate::config::LayerOrder;
use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::LoadError;

/// Key and value heads.
pub(super) fn kv_heads(json: &JsonFields, num_heads: usize) -> Result<usize, LoadError> {
    let said = json.optional_count("num_kv_heads", range::HEADS)?;
    let shares_one = !is_new(json)? && json.bool("multi_query")?.unwrap_or(true);
    Ok(if shares_one { 1 } else { said.unwrap_or(num_heads) })
}

/// How attention and MLP follow each other.
pub(super) fn order(json: &JsonFields) -> Result<LayerOrder, LoadError> {
    let norms = json.optional_count("num_ln_in_parallel_attn", 1..=2)?;
    let is_beside = json.bool("parallel_attn")?.unwrap_or(true);
    let is_new = is_new(json)?;
    if is_new && !is_beside {
        return Err(json.error("parallel_attn", "false is not supported with new_decoder_architecture"));
    }
    Ok(match (is_new, norms) {
        (true, None | Some(2)) => LayerOrder::Beside,
        (true, Some(_)) => LayerOrder::BesideOneNorm,
        (false, _) if is_beside => LayerOrder::BesideOneNorm,
        (false, _) => LayerOrder::InTurn,
    })
}

fn is_new(json: &JsonFields) -> Result<bool, LoadError> {
    Ok(json.bool("new_decoder_architecture")?.unwrap_or(false))
}
