//! Rotary embedding in `config.json`: `rope_parameters` of version 5, `rope_theta` and `rope_scaling` of version 4.
//!
//! A file may hold both spellings, and then they must agree.

use crate::config::families::Family;
use crate::config::json_fields::JsonFields;
use crate::config::{RopeConfig, RopeScaling, range};
use crate::error::LoadError;

/// Of `rope_parameters`, where version 5 writes one object for each kind of layer.
pub(super) const KINDS: [&str; 2] = ["full_attention", "sliding_attention"];

/// Of all layers, or of those that see everything; none where positions are learned.
pub(super) fn read(json: &JsonFields, family: &Family) -> Result<Option<RopeConfig>, LoadError> {
    let Some(default_theta) = family.default_theta else { return Ok(None) };
    let parameters = json.object("rope_parameters")?;
    let [full, _] = of_kinds(parameters)?;
    let parameters = full.or(parameters);
    let scaling = json.object("rope_scaling")?;
    let thetas = [json.judged("rope_theta", range::positive)?, theta_of(parameters)?, theta_of(scaling)?];
    let theta = agreed(json, "rope_theta", thetas.into_iter().flatten())?;
    let scalings = [parameters.map(read_scaling), scaling.map(read_scaling)];
    let scalings: Vec<_> = scalings.into_iter().flatten().collect::<Result<_, _>>()?;
    let scaling = agreed(json, "rope_scaling", scalings.into_iter())?.unwrap_or(RopeScaling::None);
    Ok(Some(RopeConfig { theta: theta.unwrap_or(default_theta), scaling }))
}

/// Of layers that see a window, where the family has another one for them.
pub(super) fn read_local(json: &JsonFields, family: &Family) -> Result<Option<RopeConfig>, LoadError> {
    let Some(default) = family.gemma.and_then(|gemma| gemma.local_theta) else { return Ok(None) };
    let [_, local] = of_kinds(json.object("rope_parameters")?)?;
    with_field(json, local, ("rope_local_base_freq", default)).map(Some)
}

/// By parameters whose base may also stand in a field of its own.
pub(super) fn with_field(
    json: &JsonFields,
    parameters: Option<JsonFields>,
    (field, default): (&str, f32),
) -> Result<RopeConfig, LoadError> {
    let thetas = [json.judged(field, range::positive)?, theta_of(parameters)?];
    let theta = agreed(json, field, thetas.into_iter().flatten())?.unwrap_or(default);
    let scaling = parameters.map(read_scaling).transpose()?.unwrap_or(RopeScaling::None);
    Ok(RopeConfig { theta, scaling })
}

pub(super) fn of_kinds(parameters: Option<JsonFields<'_>>) -> Result<[Option<JsonFields<'_>>; 2], LoadError> {
    let Some(parameters) = parameters else { return Ok([None; 2]) };
    let [full, local] = KINDS.map(|kind| parameters.object(kind));
    Ok([full?, local?])
}

fn theta_of(parameters: Option<JsonFields>) -> Result<Option<f32>, LoadError> {
    Ok(parameters.map(|fields| fields.judged("rope_theta", range::positive)).transpose()?.flatten())
}

fn agreed<T: PartialEq>(
    json: &JsonFields,
    field: &str,
    mut values: impl Iterator<Item = T>,
) -> Result<Option<T>, LoadError> {
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(json.error(field, "differs from what 'rope_parameters' says"));
    }
    Ok(first)
}

fn read_scaling(fields: JsonFields) -> Result<RopeScaling, LoadError> {
    // version 4 wrote "type" before it wrote "rope_type"
    let kind = fields.text("rope_type")?.or(fields.text("type")?).unwrap_or("default");
    let known: &[&str] = match kind {
        "default" => &[],
        "linear" => &["factor"],
        "llama3" => &["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
        other => {
            let reason =
                format!("\"{}\" is not supported; supported: default, linear, llama3", crate::error::shown(other));
            return Err(fields.error("rope_type", reason));
        }
    };
    check_names(&fields, known)?;
    let required = |name: &str| fields.judged(name, range::positive)?.ok_or_else(|| fields.missing(name));
    match kind {
        "linear" => Ok(RopeScaling::Linear { factor: required("factor")? }),
        "llama3" => {
            let (low_freq_factor, high_freq_factor) = (required("low_freq_factor")?, required("high_freq_factor")?);
            if high_freq_factor <= low_freq_factor {
                let reason = format!("{high_freq_factor} is not above low_freq_factor {low_freq_factor}");
                return Err(fields.error("high_freq_factor", reason));
            }
            Ok(RopeScaling::Llama3 {
                factor: required("factor")?,
                low_freq_factor,
                high_freq_factor,
                original_max_positions: fields.count("original_max_position_embeddings", range::POSITIONS)?,
            })
        }
        _ => Ok(RopeScaling::None),
    }
}

fn check_names(fields: &JsonFields, known: &[&str]) -> Result<(), LoadError> {
    for name in fields.names() {
        let is_whole_rotation = name == "partial_rotary_factor"
            && fields.number(name)?.is_some_and(|factor| (factor - 1.0).abs() < f64::EPSILON);
        if !is_whole_rotation && !["rope_type", "type", "rope_theta"].contains(&name) && !known.contains(&name) {
            return Err(fields.error(name, "is not known, and what it changes cannot be guessed"));
        }
    }
    Ok(())
}
