//! What a client says the answer may be.

use proto::Prediction;

use super::{RequestRules, content};
use crate::error::ApiError;

/// The text that was predicted.
pub(super) fn read(prediction: Option<Prediction>, rules: &RequestRules) -> Result<Option<String>, ApiError> {
    let Some(prediction) = prediction else { return Ok(None) };
    if &*prediction.kind != "content" {
        return Err(ApiError::unsupported_value("prediction.type", "must be content"));
    }
    let text = content::text(prediction.content, "prediction.content", false)?;
    rules.check_prompt_bytes("prediction.content", text.len())?;
    Ok(Some(text))
}
