//! Scalars that the chat template may read beside the conversation: `chat_template_kwargs`, and how hard to think.

use proto::{AnyJson, ReasoningEffort};
use serde_json::{Map, Value, json};

use super::{RequestRules, grammar::is_name};
use crate::error::ApiError;

/// Where they stand in a request.
const PATH: &str = "chat_template_kwargs";
/// The name of the hint, in a request and to a template.
const EFFORT: &str = "reasoning_effort";
/// Most of them.
const MAX_ARGUMENTS: usize = 32;
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

/// Reads the arguments of a request. The effort is a hint: a template that does not read it goes without.
pub(super) fn read(
    arguments: Option<AnyJson>,
    effort: Option<ReasoningEffort>,
    rules: &RequestRules,
) -> Result<TemplateArguments, ApiError> {
    let mut values = match arguments {
        None => Map::new(),
        Some(AnyJson(Value::Object(values))) => values,
        Some(_) => return Err(ApiError::invalid_type(PATH, "must be an object")),
    };
    check(&values)?;
    let reads = |name: &str| rules.template_variables.contains(name);
    let unread = values.keys().filter(|name| !reads(name));
    let mut ignored: Vec<String> =
        unread.map(|name| if is_name(name) { format!("{PATH}.{name}") } else { PATH.to_owned() }).collect();
    match effort {
        Some(effort) if reads(EFFORT) => insert_effort(&mut values, effort)?,
        Some(ReasoningEffort::None) | None => {}
        Some(_) => ignored.push(EFFORT.to_owned()),
    }
    let bytes = values.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    Ok(TemplateArguments { values, bytes, ignored })
}

fn check(values: &Map<String, Value>) -> Result<(), ApiError> {
    if values.len() > MAX_ARGUMENTS {
        return Err(ApiError::invalid_value(PATH, format_args!("must have at most {MAX_ARGUMENTS} members")));
    }
    for (name, value) in values {
        let path = format!("{PATH}.{name}");
        if RESERVED.contains(&name.as_str()) {
            return Err(ApiError::invalid_value(&path, "is a name of the conversation itself"));
        }
        if value.is_array() || value.is_object() {
            return Err(ApiError::invalid_type(&path, "must be a string, a number, a boolean or null"));
        }
    }
    Ok(())
}

fn insert_effort(values: &mut Map<String, Value>, effort: ReasoningEffort) -> Result<(), ApiError> {
    let effort = json!(effort);
    match values.insert(EFFORT.to_owned(), effort.clone()) {
        Some(other) if other != effort => {
            Err(ApiError::invalid_value(EFFORT, format_args!("contradicts {PATH}.{EFFORT}")))
        }
        _ => Ok(()),
    }
}
