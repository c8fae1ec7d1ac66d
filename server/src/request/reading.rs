//! What requests for texts that are read have in common.

use proto::{InputText, ModelName, ReadingFields, Texts, TruncationDirection, TruncationFields};

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

/// The texts of a member, checked.
pub(super) fn texts(field: &str, texts: Texts, rules: &RequestRules) -> Result<Vec<String>, ApiError> {
    let texts: Vec<_> = texts.into_vec().into_iter().map(InputText::into_string).collect();
    check_texts(field, &texts, rules)?;
    Ok(texts)
}

/// The same of a request in text-embeddings-inference's form, which names no model. The direction stands at a path.
pub(super) fn reading_of_served(
    fields: &TruncationFields,
    direction: &str,
    rules: &RequestRules,
) -> Result<ReadingRules, ApiError> {
    if fields.truncation_direction == Some(TruncationDirection::Left) {
        return Err(ApiError::unsupported_value(direction, "must be Right, texts are cut at their end"));
    }
    let cut = fields.truncate.unwrap_or(false).then_some(PromptCut::FirstToFit);
    Ok(ReadingRules { model: rules.models[0].clone(), cut, priority: 0 })
}

/// Checks how many texts stand in a member, and how long the longest is.
pub(super) fn check_texts<'a>(
    field: &str,
    texts: impl IntoIterator<Item = &'a String>,
    rules: &RequestRules,
) -> Result<(), ApiError> {
    let (mut count, mut longest) = (0, 0);
    for text in texts {
        (count, longest) = (count + 1, longest.max(text.len()));
    }
    if count > rules.max_inputs {
        return Err(ApiError::array_above(field, rules.max_inputs));
    }
    rules.check_prompt_bytes(field, longest)
}
