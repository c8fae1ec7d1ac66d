//! Which layers see a window only, in GGUF metadata: `attention.sliding_window`, and what says where it holds.

use super::Keys;
use crate::config::families::WindowRule;
use crate::config::range;
use crate::error::LoadError;

const WINDOW: &str = "attention.sliding_window";
const PATTERN: &str = "attention.sliding_window_pattern";

/// The window of each layer; 0 positions mean none.
pub(super) fn read(keys: &Keys<'_>, num_layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    let said = said(keys)?;
    match keys.family.window {
        WindowRule::Never | WindowRule::Chosen { .. } | WindowRule::Still | WindowRule::Local => {
            Ok(vec![None; num_layers])
        }
        WindowRule::Every(default) => Ok(vec![said.or(default).filter(|&window| window > 0); num_layers]),
        WindowRule::AllBut { every, .. } => {
            let default = keys.family.gemma.and_then(|gemma| gemma.gguf_window);
            let window = said.or(default).filter(|&window| window > 0);
            let slides = slides(keys, num_layers, (every, 1))?;
            Ok(slides.into_iter().map(|slides| window.filter(|_| slides)).collect())
        }
    }
}

/// The window that the metadata names.
pub(super) fn said<F: 'static>(keys: &Keys<'_, F>) -> Result<Option<usize>, LoadError> {
    let said = keys.metadata.optional_count(&keys.full(WINDOW), 0..=*range::POSITIONS.end())?;
    Ok(said.map(|window| window as usize))
}

/// Whether each layer sees the window only: a list says it of each, or all do but every one of a number; 0 for all. Layers
/// are counted from `first` on.
pub(super) fn slides<F: 'static>(
    keys: &Keys<'_, F>,
    num_layers: usize,
    (every, first): (usize, usize),
) -> Result<Vec<bool>, LoadError> {
    let key = keys.full(PATTERN);
    if let Some(slides) = keys.metadata.list_of_bools(&key) {
        if slides.len() != num_layers {
            return Err(keys.error(PATTERN, format!("{} entries for {num_layers} layers", slides.len())));
        }
        return Ok(slides.to_vec());
    }
    let every = keys.metadata.optional_count(&key, 0..=*range::LAYERS.end())?.map_or(every, |every| every as usize);
    Ok((first..first + num_layers).map(|number| every == 0 || !number.is_multiple_of(every)).collect())
}
