//! `POST /v1/ner`: whose names are asked for.

use proto::Aggregation;

use super::{
    RequestRules,
    range::size,
    reading::{ReadingRules, reading, texts},
};
use crate::error::ApiError;

/// A request for the names in texts.
#[derive(Clone, Debug)]
pub struct NerRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// Long ones are read in pieces that have so many tokens in common; without it they are refused.
    pub stride: Option<usize>,
    /// At least one.
    pub texts: Vec<String>,
    /// How tokens become entities.
    pub aggregation: Aggregation,
}

/// Where the texts stand in a request.
pub const FIELD: &str = "input";

/// Reads a request for names.
pub fn ner(request: proto::NerRequest, rules: &RequestRules) -> Result<NerRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    if rules.kind.token_labels().is_none() {
        return Err(rules.kind.refusal());
    }
    Ok(NerRequest {
        stride: request.stride.map(size),
        reading,
        texts: texts(FIELD, request.input, rules)?,
        aggregation: request.aggregation.unwrap_or_default(),
    })
}
