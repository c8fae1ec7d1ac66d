//! What requests for texts that are read have in common.

use proto::{ModelName, ReadingFields};

use super::{
    PromptCut, RequestRules,
    shared::{priority, prompt_cut},
};
use crate::error::ApiError;

/// How texts are read.
#[derive(Clone, Debug)]
pub struct ReadingRules {
    /// The name asked for.
    pub model: String,
    /// What is kept of a text or a pair, if not all of it.
    pub cut: Option<PromptCut>,
    /// Lower runs earlier.
    pub priority: i32,
}

/// Reads the members; the model is one that is served.
pub(super) fn reading(
    model: ModelName,
    fields: &ReadingFields,
    rules: &RequestRules,
) -> Result<ReadingRules, ApiError> {
    let cut = fields.truncate_prompt_tokens.map(prompt_cut).transpose()?;
    rules.check_model(&model)?;
    Ok(ReadingRules { model: model.0, cut, priority: priority(fields.priority) })
}

/// Checks how many texts stand in a member, and how long the longest is.
pub(super) fn check_texts(field: &str, texts: &[String], rules: &RequestRules) -> Result<(), ApiError> {
    if texts.len() > rules.max_inputs {
        return Err(ApiError::array_above(field, rules.max_inputs));
    }
    let longest = texts.iter().map(String::len).max().unwrap_or_default();
    rules.check_prompt_bytes(field, longest)
}
