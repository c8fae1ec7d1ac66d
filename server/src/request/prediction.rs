//! What a client says the answer may be.

use proto::{Content, ContentPart, Prediction};

use super::RequestRules;
use crate::error::ApiError;

/// The text that was predicted.
pub(super) fn read(prediction: Option<Prediction>, rules: &RequestRules) -> Result<Option<String>, ApiError> {
    let Some(prediction) = prediction else { return Ok(None) };
    if &*prediction.kind != "content" {
        return Err(ApiError::unsupported_value("prediction.type", "must be content"));
    }
    let text = text(prediction.content)?;
    rules.check_prompt_bytes("prediction.content", text.len())?;
    Ok(Some(text))
}

fn text(content: Content) -> Result<String, ApiError> {
    match content {
        Content::Text(text) => Ok(text.into_string()),
        Content::Parts(parts) => parts.into_iter().enumerate().map(part).collect(),
    }
}

fn part((index, part): (usize, ContentPart)) -> Result<String, ApiError> {
    match part {
        ContentPart::Text { text } => Ok(text.into_string()),
        _ => Err(ApiError::unsupported_value(&format!("prediction.content[{index}].type"), "must be text")),
    }
}
