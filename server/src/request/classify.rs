//! `POST /v1/classify`: whose labels are asked for.

use proto::ClassifyText;

use super::{
    RequestRules,
    reading::{ReadingRules, check_texts, reading},
};
use crate::error::ApiError;

/// A request for labels.
#[derive(Clone, Debug)]
pub struct ClassifyRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// Texts, and what they are read with; at least one.
    pub texts: Vec<(String, Option<String>)>,
    /// Scores as the model gives them.
    pub raw: bool,
}

/// Where the texts stand in a request.
pub const FIELD: &str = "input";

/// Reads a request for labels.
pub fn classify(request: proto::ClassifyRequest, rules: &RequestRules) -> Result<ClassifyRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    if rules.kind.labels().is_none() {
        return Err(rules.kind.refusal());
    }
    let text = |text: ClassifyText| match text {
        ClassifyText::Text(text) => (text.into_string(), None),
        ClassifyText::Pair(pair) => (pair.text.into_string(), pair.text_pair.map(proto::InputText::into_string)),
    };
    let texts: Vec<_> = request.input.into_vec().into_iter().map(text).collect();
    check_texts(FIELD, texts.iter().map(|(first, _)| first), rules)?;
    check_texts(FIELD, texts.iter().filter_map(|(_, second)| second.as_ref()), rules)?;
    Ok(ClassifyRequest { reading, texts, raw: request.raw_scores.unwrap_or(false) })
}
