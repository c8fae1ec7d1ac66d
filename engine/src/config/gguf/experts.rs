//! Several MLPs in a layer, in GGUF metadata.

use super::Keys;
use super::stored::Stored;
use crate::config::{ExpertsConfig, range};
use crate::error::LoadError;

pub(super) const COUNT: &str = "expert_count";
pub(super) const PER_TOKEN: &str = "expert_used_count";

/// Width of the only MLP, or of each of several where they have no key of their own.
const WIDTH: &str = "feed_forward_length";
/// Of families whose experts have one. Files of old do not say it: there the tensors do.
const EXPERT_WIDTH: &str = "expert_feed_forward_length";
const SHARED_WIDTH: &str = "expert_shared_feed_forward_length";

/// How many there are and how many a token takes; none where the family has one MLP.
pub(super) fn read(keys: &Keys<'_>, stored: &Stored<'_>) -> Result<Option<ExpertsConfig>, LoadError> {
    let Some(experts) = keys.family.experts else { return Ok(None) };
    let count = keys.count(COUNT, range::EXPERTS)?;
    let shared = match experts.shared {
        Some(_) => Some(width(keys, SHARED_WIDTH, stored.shared_width())?),
        None => None,
    };
    Ok(Some(ExpertsConfig {
        count,
        per_token: keys.count(PER_TOKEN, 1..=count as u64)?,
        normed: experts.gguf_normed,
        shared,
        shared_gate: shared.is_some(),
        dense: None,
    }))
}

/// Width of the MLP, or of each of several.
pub(super) fn intermediate_size(keys: &Keys<'_>, stored: &Stored<'_>) -> Result<usize, LoadError> {
    if keys.family.gguf_keys.contains(&EXPERT_WIDTH) {
        width(keys, EXPERT_WIDTH, stored.expert_width())
    } else {
        keys.count(WIDTH, range::WIDTH)
    }
}

/// What this key says, or else a tensor.
fn width(keys: &Keys<'_>, key: &str, stored: Option<usize>) -> Result<usize, LoadError> {
    if let Some(said) = keys.optional_count(key)? {
        return Ok(said);
    }
    let width = stored.ok_or_else(|| keys.error(key, "is missing"))?;
    range::whole(width as u64, range::WIDTH).map_err(|reason| keys.error(key, reason))?;
    Ok(width)
}
