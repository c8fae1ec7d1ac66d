//! Which layers see a window only: `sliding_window`, and what says where it holds.

use super::attention_types;
use crate::config::families::{Family, WindowRule};
use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::LoadError;

const WINDOW: &str = "sliding_window";
const KINDS: &str = "layer_types";

/// The window of each layer, of which it is known whether its heads turn.
pub(super) fn read(json: &JsonFields, family: &Family, turns: &[bool]) -> Result<Vec<Option<usize>>, LoadError> {
    let num_layers = turns.len();
    let kinds = kinds(json, num_layers)?;
    let is_used = json.bool("use_sliding_window")?.unwrap_or(false);
    match family.window {
        WindowRule::Never => match kinds {
            Some(slides) if slides.contains(&true) => Err(json.error(KINDS, "sliding_attention is not supported")),
            _ => Ok(vec![None; num_layers]),
        },
        WindowRule::Every(default) => {
            let said = json.optional_count(WINDOW, range::POSITIONS)?;
            Ok(vec![if json.names_field(WINDOW) { said } else { default }; num_layers])
        }
        WindowRule::Chosen { window, first } => {
            let window = json.optional_count(WINDOW, range::POSITIONS)?.unwrap_or(window);
            let first = json.optional_count("max_window_layers", 0..=u64::MAX)?.unwrap_or(first);
            let slides = |layer: usize| kinds.as_ref().map_or(layer >= first, |slides| slides[layer]);
            Ok((0..num_layers).map(|layer| (is_used && slides(layer)).then_some(window)).collect())
        }
        WindowRule::AllBut { every, window } => {
            let window = json.optional_count(WINDOW, range::POSITIONS)?.unwrap_or(window);
            let patterns = ["sliding_window_pattern", "_sliding_window_pattern"];
            let patterns = patterns.map(|field| json.optional_count(field, range::LAYERS));
            let [named, hidden] = patterns;
            let every = named?.or(hidden?).unwrap_or(every);
            let slides =
                |layer: usize| kinds.as_ref().map_or(!(layer + 1).is_multiple_of(every), |slides| slides[layer]);
            Ok((0..num_layers).map(|layer| slides(layer).then_some(window)).collect())
        }
        WindowRule::Still => {
            let window = json.optional_count(WINDOW, range::POSITIONS)?.filter(|_| is_used);
            let slides = |layer: usize| kinds.as_ref().map_or(!turns[layer], |slides| slides[layer]);
            Ok((0..num_layers).map(|layer| window.filter(|_| slides(layer))).collect())
        }
        WindowRule::Local => {
            let window = json.optional_count("window_size", range::POSITIONS)?.unwrap_or(256);
            let locals = attention_types::read(json, num_layers)?;
            Ok(locals.into_iter().map(|is_local| is_local.then_some(window)).collect())
        }
    }
}

/// Whether each layer is named as one that sees a window.
pub(super) fn kinds(json: &JsonFields, num_layers: usize) -> Result<Option<Vec<bool>>, LoadError> {
    let Some(value) = json.value(KINDS) else { return Ok(None) };
    let kinds = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let slides = kinds.iter().map(|kind| match kind.as_str() {
        Some("sliding_attention") => Some(true),
        Some("full_attention") => Some(false),
        _ => None,
    });
    let slides: Option<Vec<bool>> = slides.collect();
    let slides = slides.filter(|slides| slides.len() == num_layers);
    let reason = || format!("is not {num_layers} times full_attention or sliding_attention");
    slides.map(Some).ok_or_else(|| json.error(KINDS, reason()))
}
