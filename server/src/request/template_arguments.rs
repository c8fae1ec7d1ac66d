//! `chat_template_kwargs`: scalars that the chat template may read beside the conversation.

use proto::{AnyJson, MAX_TEMPLATE_ARGUMENTS};
use serde_json::{Map, Value};

use super::{RequestRules, grammar::is_name};
use crate::error::ApiError;

/// Where they stand in a request.
const PATH: &str = "chat_template_kwargs";
/// Names that mean the conversation itself.
const RESERVED: [&str; 7] =
    ["messages", "tools", "documents", "add_generation_prompt", "continue_final_message", "bos_token", "eos_token"];

/// What a template may read.
#[derive(Default)]
pub(super) struct TemplateArguments {
    pub(super) values: Map<String, Value>,
    /// Bytes of their texts.
    pub(super) bytes: usize,
    /// Paths of those that the template does not read.
    pub(super) ignored: Vec<String>,
}

/// Reads the arguments of a request.
pub(super) fn read(arguments: Option<AnyJson>, rules: &RequestRules) -> Result<TemplateArguments, ApiError> {
    let values = match arguments {
        None => return Ok(TemplateArguments::default()),
        Some(AnyJson(Value::Object(values))) => values,
        Some(_) => return Err(ApiError::invalid_type(PATH, "must be an object")),
    };
    if values.len() > MAX_TEMPLATE_ARGUMENTS {
        return Err(ApiError::invalid_value(PATH, format_args!("must have at most {MAX_TEMPLATE_ARGUMENTS} members")));
    }
    for (name, value) in &values {
        let path = format!("{PATH}.{name}");
        if RESERVED.contains(&name.as_str()) {
            return Err(ApiError::invalid_value(&path, "is a name of the conversation itself"));
        }
        if value.is_array() || value.is_object() {
            return Err(ApiError::invalid_type(&path, "must be a string, a number, a boolean or null"));
        }
    }
    let bytes = values.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    let unread = values.keys().filter(|name| !rules.template_variables.contains(*name));
    let ignored = unread.map(|name| if is_name(name) { format!("{PATH}.{name}") } else { PATH.to_owned() });
    Ok(TemplateArguments { ignored: ignored.collect(), bytes, values })
}
