//! How scores fall with distance, in GGUF metadata: the halvings of the flattest slope, where the family may have others than
//! the usual ones.

use super::Keys;
use crate::config::families::Switch;
use crate::config::{SlopeRule, range};
use crate::error::LoadError;

const HALVINGS: &str = "attention.max_alibi_bias";

/// None where positions turn heads or are learned.
pub(super) fn read(keys: &Keys<'_>) -> Result<Option<SlopeRule>, LoadError> {
    let Switch::Always(Some(kind)) = keys.family.slopes else { return Ok(None) };
    if !keys.family.gguf_keys.contains(&HALVINGS) {
        return Ok(Some(SlopeRule { kind, halvings: SlopeRule::USUAL_HALVINGS }));
    }
    let said = keys.metadata.optional_number(&keys.full(HALVINGS))?;
    let said = said.ok_or_else(|| keys.error(HALVINGS, "is missing"))?;
    // 0 stands for learned positions, which no folder has either
    if said.fract() != 0.0 {
        return Err(keys.error(HALVINGS, format!("{said} is not a whole number")));
    }
    let halvings = range::whole(said as u64, SlopeRule::HALVINGS).map_err(|reason| keys.error(HALVINGS, reason))?;
    Ok(Some(SlopeRule { kind, halvings: halvings as usize }))
}
