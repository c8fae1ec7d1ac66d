//! Several MLPs in a layer: how many there are, what each token takes of them, and which layers have one instead.

use super::{agreed_count, switch};
use crate::config::families::{Family, Shared};
use crate::config::json_fields::JsonFields;
use crate::config::{DenseLayers, ExpertsConfig, range};
use crate::error::LoadError;

/// None where the family has one MLP in each layer. Of the model it is known how many layers it has, and how wide an expert is.
pub(super) fn read(
    json: &JsonFields,
    family: &Family,
    [num_layers, width]: [usize; 2],
) -> Result<Option<ExpertsConfig>, LoadError> {
    let Some(experts) = family.experts else { return Ok(None) };
    let ((fields, default_count), (per_token, default_per_token)) = (experts.count, experts.per_token);
    let count = agreed_count(json, fields.iter().copied(), &range::EXPERTS)?.unwrap_or(default_count);
    let taken = json.optional_count(per_token, 1..=count as u64)?.unwrap_or(default_per_token);
    if taken > count {
        return Err(json.error(per_token, format!("{taken} of {count} experts")));
    }
    let shared = match experts.shared {
        Some(Shared::Gated(field, default)) => Some(json.optional_count(field, range::WIDTH)?.unwrap_or(default)),
        Some(Shared::Whole(field)) => json.optional_count(field, range::EXPERTS)?.map(|many| many * width),
        None => None,
    };
    let dense = match experts.dense {
        Some(fields) => dense_layers(json, fields, num_layers)?,
        None => None,
    };
    Ok(Some(ExpertsConfig {
        count,
        per_token: taken,
        normed: switch(json, experts.normed)?,
        shared,
        shared_gate: matches!(experts.shared, Some(Shared::Gated(..))),
        dense,
    }))
}

/// By the fields of their number and of their width; some layers are left for experts.
fn dense_layers(
    json: &JsonFields,
    (number, width): (&str, &str),
    num_layers: usize,
) -> Result<Option<DenseLayers>, LoadError> {
    match json.optional_count(number, 0..=num_layers as u64 - 1)? {
        None | Some(0) => Ok(None),
        Some(count) => Ok(Some(DenseLayers { count, width: json.count(width, range::WIDTH)? })),
    }
}
