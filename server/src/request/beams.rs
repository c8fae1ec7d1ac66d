//! Beam search: whether it is asked for, how wide it is, and what it excludes.
//!
//! Beams are compared by likelihood alone: what would draw at random must be absent or without effect.

use proto::SamplingFields;
use scheduler::BeamParams;

use super::{GenerateRequest, output::Output};
use crate::error::ApiError;

/// The member that asks for it.
const NAME: &str = "use_beam_search";

/// Most beams of one prompt.
pub const MAX_BEAMS: usize = 16;

/// Whether a search is asked for.
pub(super) fn is_wanted(fields: &SamplingFields) -> bool {
    fields.use_beam_search == Some(true)
}

/// Its settings, if it is wanted.
pub(super) fn params(fields: &SamplingFields, output: &Output) -> Result<Option<BeamParams>, ApiError> {
    let penalty = fields.length_penalty.map_or(1.0, |penalty| penalty.0);
    let early_stopping = fields.early_stopping.unwrap_or(false);
    if !is_wanted(fields) {
        let of_beams = [("length_penalty", penalty != 1.0), ("early_stopping", early_stopping)];
        return match of_beams.into_iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => Err(ApiError::invalid_value(name, format_args!("needs {NAME} to be true"))),
            None => Ok(None),
        };
    }
    check_neutral(fields)?;
    let length_penalty = penalty as f32;
    Ok(Some(BeamParams { width: output.computed, returned: output.returned, length_penalty, early_stopping }))
}

/// Nothing may be drawn at random.
fn check_neutral(fields: &SamplingFields) -> Result<(), ApiError> {
    let is = |value: Option<f64>, neutral: &[f64]| value.is_none_or(|value| neutral.contains(&value));
    let members = [
        ("temperature", is(fields.temperature.map(|it| it.0), &[0.0, 1.0])),
        ("top_p", is(fields.top_p.map(|it| it.0), &[1.0])),
        ("top_k", fields.top_k.is_none_or(|it| it.0 <= 0)),
        ("min_p", is(fields.min_p.map(|it| it.0), &[0.0])),
        ("typical_p", is(fields.typical_p.map(|it| it.0), &[1.0])),
        ("seed", fields.seed.is_none()),
    ];
    match members.into_iter().find(|(_, is_neutral)| !is_neutral) {
        Some((name, _)) => Err(ApiError::invalid_value(name, format_args!("contradicts {NAME}"))),
        None => Ok(()),
    }
}

/// Nothing can be predicted of an answer that is known when all is over.
pub(super) fn check_unpredicted(request: &GenerateRequest) -> Result<(), ApiError> {
    if request.sampling.beams.is_some() && request.prediction.is_some() {
        return Err(ApiError::invalid_value("prediction", format_args!("contradicts {NAME}")));
    }
    Ok(())
}
