//! Which layers have heads that turn: `no_rope_layers`, or all but one in `no_rope_layer_interval`.

use crate::config::families::{Family, turns};
use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::LoadError;

const LAYERS: &str = "no_rope_layers";
const INTERVAL: &str = "no_rope_layer_interval";

/// Of each layer. The list's ones stand for layers that turn, whatever its name says.
pub(super) fn read(json: &JsonFields, family: &Family, num_layers: usize) -> Result<Vec<bool>, LoadError> {
    let Some(every) = family.still_every else { return Ok(turns(None, num_layers)) };
    let Some(value) = json.value(LAYERS) else {
        let every = json.optional_count(INTERVAL, range::LAYERS)?.unwrap_or(every);
        return Ok(turns(Some(every), num_layers));
    };
    let marks = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let listed = marks.iter().map(|mark| match mark.as_u64() {
        Some(0) => Some(false),
        Some(1) => Some(true),
        _ => None,
    });
    let listed: Option<Vec<bool>> = listed.collect();
    let listed = listed.filter(|listed| listed.len() == num_layers);
    listed.ok_or_else(|| json.error(LAYERS, format!("is not {num_layers} times 0 or 1")))
}
