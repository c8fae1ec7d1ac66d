//! `POST /v1/fill-mask`: whose masks stand for words.

use super::{
    RequestRules,
    range::size,
    reading::{ReadingRules, reading, texts},
};
use crate::{error::ApiError, model_kind::Mask};

/// A request for the words that masks stand for.
#[derive(Clone, Debug)]
pub struct FillMaskRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// At least one.
    pub texts: Vec<String>,
    /// Candidates of each mask, at least one.
    pub candidates: usize,
    /// The model's mask.
    pub mask: Mask,
}

/// Where the texts stand in a request.
pub const FIELD: &str = "input";

/// As transformers.
const CANDIDATES: usize = 5;

/// Reads a request for words.
pub fn fill_mask(request: proto::FillMaskRequest, rules: &RequestRules) -> Result<FillMaskRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    let mask = rules.kind.mask().ok_or_else(|| rules.kind.refusal())?;
    Ok(FillMaskRequest {
        reading,
        texts: texts(FIELD, request.input, rules)?,
        candidates: request.top_k.map_or(CANDIDATES, size),
        mask: mask.clone(),
    })
}
