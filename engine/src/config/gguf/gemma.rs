//! What only Gemmas say in GGUF metadata, and what they leave unsaid: caps, and what scores are divided by.

use super::Keys;
use crate::error::LoadError;

const CAPS: [&str; 2] = ["attn_logit_softcapping", "final_logit_softcapping"];

/// Of attention scores and of logits.
pub(super) fn caps(keys: &Keys<'_>) -> Result<[Option<f32>; 2], LoadError> {
    let Some(gemma) = keys.family.gemma else { return Ok([None; 2]) };
    let cap = |index: usize| Ok(keys.positive(CAPS[index])?.or(gemma.caps[index]));
    Ok([cap(0)?, cap(1)?])
}

/// The width by whose root scores are divided, if it is not the head's: the number of layers alone tells the models apart.
pub(super) fn score_width(keys: &Keys<'_>, num_layers: usize, shared_out: usize) -> Option<usize> {
    keys.family.gemma.filter(|gemma| gemma.shared_out_layers == Some(num_layers)).map(|_| shared_out)
}
