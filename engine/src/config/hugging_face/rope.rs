//! Rotary embedding in `config.json`: `rope_parameters` of version 5, `rope_theta` and `rope_scaling` of version 4.
//!
//! A file may hold both spellings, and then they must agree.

use super::agreed::agreed;
use super::long_rope;
use crate::config::families::{Family, Turned};
use crate::config::json_fields::JsonFields;
use crate::config::{RopeConfig, RopeScaling, range};
use crate::error::LoadError;

/// Of `rope_parameters`, where version 5 writes one object for each kind of layer.
pub(super) const KINDS: [&str; 2] = ["full_attention", "sliding_attention"];

/// The base of all angles, as most families call it; others write it beside their own name.
pub(super) const THETA: &str = "rope_theta";

/// The objects of version 5 and of version 4.
const PARAMETERS: &str = "rope_parameters";
const SCALING: &str = "rope_scaling";

/// How great a share of each head turns, as version 5 calls it in every family.
const SHARE: &str = "partial_rotary_factor";

/// Of all layers, or of those that see everything; none where positions are learned.
pub(super) fn read(json: &JsonFields, family: &Family, turned_dim: usize) -> Result<Option<RopeConfig>, LoadError> {
    let Some(default_theta) = family.default_theta else { return Ok(None) };
    let parameters = json.object(PARAMETERS)?;
    let [full, _] = of_kinds(parameters)?;
    let parameters = full.or(parameters);
    let scaling = json.object(SCALING)?;
    let field = family.names.theta;
    let said = |field| json.judged(field, range::positive);
    let thetas = [
        (field, said(field)?),
        (THETA, said(THETA)?),
        (PARAMETERS, theta_of(parameters)?),
        (SCALING, theta_of(scaling)?),
    ];
    let theta = agreed(json, thetas)?;
    let read = |fields: Option<JsonFields>| {
        fields.map(|fields| read_scaling(&fields, json, Some((family, turned_dim)))).transpose()
    };
    let scalings = [(PARAMETERS, read(parameters)?), (SCALING, read(scaling)?)];
    let scaling = agreed(json, scalings)?.unwrap_or(RopeScaling::None);
    Ok(Some(RopeConfig { theta: theta.unwrap_or(default_theta), scaling }))
}

/// Of layers that see a window, where the family has another one for them.
pub(super) fn read_local(
    json: &JsonFields,
    family: &Family,
    turned_dim: usize,
) -> Result<Option<RopeConfig>, LoadError> {
    let Some(default) = family.gemma.and_then(|gemma| gemma.local_theta) else { return Ok(None) };
    let [_, local] = of_kinds(json.object(PARAMETERS)?)?;
    with_field(json, local, ("rope_local_base_freq", default), Some((family, turned_dim))).map(Some)
}

/// Elements of each head that turn.
pub(super) fn turned_dim(json: &JsonFields, family: &Family, head_dim: usize) -> Result<usize, LoadError> {
    let (field, default) = match family.turned {
        Turned::Whole => return Ok(head_dim),
        Turned::Elements(field, default) => {
            let turned = json.optional_count(field, range::WIDTH)?.unwrap_or(default);
            return range::turned_dim(turned, head_dim).map_err(|reason| json.error(field, reason));
        }
        Turned::Share(field, default) => (field, default),
    };
    let mut shares = vec![(field, json.judged(field, range::share)?)];
    if field != SHARE {
        shares.push((SHARE, json.judged(SHARE, range::share)?));
    }
    for name in [PARAMETERS, SCALING] {
        if let Some(fields) = json.object(name)? {
            shares.push((name, fields.judged(SHARE, range::share)?));
        }
    }
    let share = agreed(json, shares)?.unwrap_or(default);
    let turned = (head_dim as f64 * share) as usize;
    range::turned_dim(turned, head_dim).map_err(|reason| json.error(field, reason))
}

/// A family of decoders, and how many elements of each head turn; none for encoders, whose heads turn as a whole.
type Turning<'a> = Option<(&'a Family, usize)>;

/// By parameters whose base may also stand in a field of its own.
pub(super) fn with_field(
    json: &JsonFields,
    parameters: Option<JsonFields>,
    (field, default): (&str, f32),
    turning: Turning<'_>,
) -> Result<RopeConfig, LoadError> {
    let thetas = [(field, json.judged(field, range::positive)?), (PARAMETERS, theta_of(parameters)?)];
    let theta = agreed(json, thetas)?.unwrap_or(default);
    let scaling = parameters.map(|fields| read_scaling(&fields, json, turning)).transpose()?;
    Ok(RopeConfig { theta, scaling: scaling.unwrap_or(RopeScaling::None) })
}

pub(super) fn of_kinds(parameters: Option<JsonFields<'_>>) -> Result<[Option<JsonFields<'_>>; 2], LoadError> {
    let Some(parameters) = parameters else { return Ok([None; 2]) };
    let [full, local] = KINDS.map(|kind| parameters.object(kind));
    Ok([full?, local?])
}

fn theta_of(parameters: Option<JsonFields>) -> Result<Option<f32>, LoadError> {
    Ok(parameters.map(|fields| fields.judged(THETA, range::positive)).transpose()?.flatten())
}

fn read_scaling(fields: &JsonFields, json: &JsonFields, turning: Turning<'_>) -> Result<RopeScaling, LoadError> {
    let long = turning.filter(|(family, _)| family.long_rope);
    // version 4 wrote "type" before it wrote "rope_type"
    let kind = fields.text("rope_type")?.or(fields.text("type")?).unwrap_or("default");
    let known: &[&str] = match kind {
        "default" => &[],
        "linear" => &["factor"],
        "llama3" => &["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
        "longrope" | "su" if long.is_some() => &long_rope::FIELDS,
        other => {
            let more = if long.is_some() { ", longrope" } else { "" };
            let other = crate::error::shown(other);
            let reason = format!("\"{other}\" is not supported; supported: default, linear, llama3{more}");
            return Err(fields.error("rope_type", reason));
        }
    };
    check_names(fields, known, turning.map_or(Turned::Whole, |(family, _)| family.turned))?;
    let required = |name: &str| fields.judged(name, range::positive)?.ok_or_else(|| fields.missing(name));
    if let (Some((family, turned_dim)), "longrope" | "su") = (long, kind) {
        return Ok(RopeScaling::Long(long_rope::read(fields, json, family, turned_dim / 2)?));
    }
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

fn check_names(fields: &JsonFields, known: &[&str], turned: Turned) -> Result<(), LoadError> {
    for name in fields.names() {
        let is_read = match turned {
            Turned::Whole | Turned::Elements(..) => {
                fields.number(SHARE)?.is_some_and(|share| (share - 1.0).abs() < f64::EPSILON)
            }
            Turned::Share(..) => true,
        };
        let is_known = if name == SHARE { is_read } else { known.contains(&name) };
        if !is_known && !["rope_type", "type", "rope_theta"].contains(&name) {
            return Err(fields.error(name, "is not known, and what it changes cannot be guessed"));
        }
    }
    Ok(())
}
