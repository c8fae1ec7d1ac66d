//! Several MLPs in a layer, in GGUF metadata.

use super::Keys;
use crate::config::{ExpertsConfig, range};
use crate::error::LoadError;

pub(super) const COUNT: &str = "expert_count";
pub(super) const PER_TOKEN: &str = "expert_used_count";

/// Width of the only MLP.
const WIDTH: &str = "feed_forward_length";

/// How many there are and how many a token takes; none where the family has one MLP.
pub(super) fn read(keys: &Keys<'_>) -> Result<Option<ExpertsConfig>, LoadError> {
    let Some(experts) = keys.family.experts else { return Ok(None) };
    let count = keys.count(COUNT, range::EXPERTS)?;
    let shared = match experts.shared {
        Some(_) => Some(width(keys, "expert_shared_feed_forward_length")?),
        None => None,
    };
    Ok(Some(ExpertsConfig {
        count,
        per_token: keys.count(PER_TOKEN, 1..=count as u64)?,
        normed: experts.gguf_normed,
        shared,
    }))
}

/// Width of the MLP, or of each of several.
pub(super) fn intermediate_size(keys: &Keys<'_>) -> Result<usize, LoadError> {
    width(keys, "expert_feed_forward_length")
}

/// What this key says, or what is said of an only MLP.
fn width(keys: &Keys<'_>, key: &str) -> Result<usize, LoadError> {
    match keys.optional_count(key)? {
        Some(width) => Ok(width),
        None => keys.count(WIDTH, range::WIDTH),
    }
}
