//! `POST /v1/qa`: what is asked, and of which texts.

use super::{
    RequestRules,
    range::size,
    reading::{ReadingRules, check_texts, reading, texts},
};
use crate::{best_spans::SpanRules, error::ApiError, model_kind::ModelKind};

/// A question to texts.
#[derive(Clone, Debug)]
pub struct QaRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// Long ones are read in pieces that have so many tokens in common; without it they are refused.
    pub stride: Option<usize>,
    /// What is asked.
    pub question: String,
    /// At least one.
    pub contexts: Vec<String>,
    /// Which answers are told.
    pub spans: SpanRules,
}

/// Where the texts stand in a request.
pub const FIELD: &str = "context";
/// Where the question stands.
pub const QUESTION: &str = "question";

/// As transformers.
const MAX_ANSWER_TOKENS: usize = 15;

/// Reads a question.
pub fn qa(request: proto::QaRequest, rules: &RequestRules) -> Result<QaRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    if rules.kind != ModelKind::SpanReader {
        return Err(rules.kind.refusal());
    }
    let question = request.question.into_string();
    check_texts(QUESTION, [&question], rules)?;
    Ok(QaRequest {
        stride: request.stride.map(size),
        reading,
        question,
        contexts: texts(FIELD, request.context, rules)?,
        spans: SpanRules {
            most: request.top_k.map_or(1, size),
            max_tokens: request.max_answer_tokens.map_or(MAX_ANSWER_TOKENS, size),
        },
    })
}
