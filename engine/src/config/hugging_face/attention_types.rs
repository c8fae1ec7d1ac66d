//! GPT-Neo's `attention_types`, kinds of attention and how often they repeat, and `attention_layers`, the same written out.

use serde_json::Value;

use super::agreed::agreed;
use crate::config::json_fields::JsonFields;
use crate::error::LoadError;

const TYPES: &str = "attention_types";
const LAYERS: &str = "attention_layers";

/// Whether each layer is local.
pub(super) fn read(json: &JsonFields, num_layers: usize) -> Result<Vec<bool>, LoadError> {
    let wrong =
        |field, form: &str| json.error(field, format!("is not {form} of global or local for {num_layers} layers"));
    let types = json
        .value(TYPES)
        .map(|value| repeated(value, num_layers).ok_or_else(|| wrong(TYPES, "a list of kinds and counts")));
    let layers = json.value(LAYERS).map(|value| {
        let kinds = kinds(value).filter(|kinds| kinds.len() == num_layers);
        kinds.ok_or_else(|| wrong(LAYERS, "a list"))
    });
    let said = agreed(json, [(TYPES, types.transpose()?), (LAYERS, layers.transpose()?)])?;
    said.ok_or_else(|| json.missing(TYPES))
}

/// `[[[kind, ...], count], ...]`, as long as there are layers.
fn repeated(value: &Value, num_layers: usize) -> Option<Vec<bool>> {
    let mut all = Vec::new();
    for part in value.as_array()? {
        let [list, count] = part.as_array()?.as_slice() else { return None };
        let list = kinds(list)?;
        let length = list.len().checked_mul(usize::try_from(count.as_u64()?).ok()?)?;
        if length > num_layers - all.len() {
            return None;
        }
        all.extend(list.into_iter().cycle().take(length));
    }
    (all.len() == num_layers).then_some(all)
}

fn kinds(value: &Value) -> Option<Vec<bool>> {
    let is_local = |kind: &Value| match kind.as_str() {
        Some("local") => Some(true),
        Some("global") => Some(false),
        _ => None,
    };
    value.as_array()?.iter().map(is_local).collect()
}
