//! How queries and keys of an encoder turn, and which of its layers see a window only.

use super::{rope, window};
use crate::config::json_fields::JsonFields;
use crate::config::{RotaryRule, range};
use crate::error::LoadError;

const PARAMETERS: &str = "rope_parameters";

/// Reads the turns of all layers, and of those that see a window where the family has such: the fields of their bases, and
/// the bases where these are absent.
pub(super) fn read(
    json: &JsonFields,
    (theta, local): ((&str, f32), Option<(&str, f32)>),
    max_tokens: usize,
) -> Result<RotaryRule, LoadError> {
    let parameters = json.object(PARAMETERS)?;
    let Some((field, default)) = local else {
        return Ok(RotaryRule { all: rope::with_field(json, parameters, theta, None)?, local: None, max_tokens });
    };
    let mut names = parameters.iter().flat_map(JsonFields::names);
    if names.any(|name| !rope::KINDS.contains(&name)) {
        return Err(json.error(PARAMETERS, format!("is not an object of {}", rope::KINDS.join(" and "))));
    }
    let [of_all, of_local] = rope::of_kinds(parameters)?;
    let all = rope::with_field(json, of_all, theta, None)?;
    // a field that stands there as `null` means the base of all layers
    let default = if json.names_field(field) { all.theta } else { default };
    let local = rope::with_field(json, of_local, (field, default), None)?;
    Ok(RotaryRule { all, local: Some(local), max_tokens })
}

/// Of each layer the tokens that a token sees to each side, itself included: files say how many it sees in all.
pub(super) fn windows(json: &JsonFields, num_layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    const DEFAULT_WINDOW: usize = 128;
    const DEFAULT_EVERY: usize = 3;
    let window = json.optional_count("local_attention", range::POSITIONS)?.unwrap_or(DEFAULT_WINDOW);
    let every = json.optional_count("global_attn_every_n_layers", range::LAYERS)?.unwrap_or(DEFAULT_EVERY);
    let kinds = window::kinds(json, num_layers)?;
    let slides = |layer: usize| kinds.as_ref().map_or(!layer.is_multiple_of(every), |slides| slides[layer]);
    Ok((0..num_layers).map(|layer| slides(layer).then_some(RotaryRule::to_each_side(window))).collect())
}
