//! `documents`: objects for chat templates that cite them.

use proto::{AnyJson, MAX_DOCUMENTS};
use serde_json::Value;

use super::RequestRules;
use crate::error::ApiError;

/// Where they stand in a request, and what templates call them.
const PATH: &str = "documents";

/// Reads the documents of a request; an empty list is none.
pub(super) fn read(documents: Option<AnyJson>, rules: &RequestRules) -> Result<Option<Value>, ApiError> {
    let documents = match documents {
        None => return Ok(None),
        Some(AnyJson(Value::Array(documents))) => documents,
        Some(_) => return Err(ApiError::invalid_type(PATH, "must be a list")),
    };
    if documents.len() > MAX_DOCUMENTS {
        return Err(ApiError::array_above(PATH, MAX_DOCUMENTS));
    }
    if let Some(index) = documents.iter().position(|document| !document.is_object()) {
        return Err(ApiError::invalid_type(&format!("{PATH}[{index}]"), "must be an object"));
    }
    if documents.is_empty() {
        return Ok(None);
    }
    if !rules.template_variables.contains(PATH) {
        return Err(ApiError::unsupported_parameter(PATH, " by the model's chat template"));
    }
    Ok(Some(Value::Array(documents)))
}
