//! Tools: which an answer may call, and which it must.

use std::collections::HashSet;

use proto::{AllowedTools, NamedTool, Text, Tool, ToolChoice, ToolMode, Tools};
use serde_json::{Map, Value, json};

use super::grammar::{NAME_RULE, is_name};
use crate::{
    error::ApiError,
    grammar::{Callable, CallsForm, Form, GrammarSpec, Otherwise, prepare_schema},
    tools::{CallFormat, format::Opening},
};

/// Most bytes of all schemas together.
const MAX_SCHEMA_BYTES: usize = 256 << 10;

/// The members about tools.
pub(super) struct ToolFields {
    pub(super) tools: Option<Tools>,
    pub(super) choice: Option<ToolChoice>,
    pub(super) parallel: Option<bool>,
}

/// What a request wants of tools.
#[derive(Default)]
pub(super) struct ToolUse {
    /// The tools as the chat template takes them.
    pub(super) declared: Option<Value>,
    /// The calls that an answer may hold.
    pub(super) calls: Option<CallsForm>,
}

impl ToolFields {
    /// Reads the tools of a model that writes calls in this format.
    pub(super) fn read(self, format: &'static CallFormat) -> Result<ToolUse, ApiError> {
        let Some(tools) = self.tools.filter(|tools| !tools.is_empty()) else {
            return match self.choice {
                None | Some(ToolChoice::Mode(ToolMode::None | ToolMode::Auto)) => Ok(ToolUse::default()),
                Some(_) => Err(ApiError::invalid_value("tool_choice", "needs tools")),
            };
        };
        let callable = callable(&tools)?;
        let choice = self.choice.unwrap_or(ToolChoice::Mode(ToolMode::Auto));
        let names = |path: &str, name: &Text| find(&callable, path, name);
        let (mode, chosen) = match &choice {
            ToolChoice::Mode(mode) => (*mode, callable.clone()),
            ToolChoice::Function(name) => (ToolMode::Required, vec![names("tool_choice.function.name", name)?]),
            ToolChoice::Allowed(allowed) => (allowed.mode, some_of(&callable, allowed)?),
        };
        let otherwise = match mode {
            ToolMode::None => return Ok(ToolUse::default()),
            ToolMode::Auto => Otherwise::Text,
            ToolMode::Required => Otherwise::Call,
        };
        let several = self.parallel.unwrap_or(true) && !matches!(choice, ToolChoice::Function(_));
        let calls = CallsForm { format, tools: chosen, several, otherwise };
        Ok(ToolUse { declared: Some(tools.iter().map(declaration).collect()), calls: Some(calls) })
    }
}

/// Binds an answer to calls, or to the form that it has without calls.
pub(super) fn with_answer(mut calls: CallsForm, answer: Option<GrammarSpec>) -> Result<GrammarSpec, ApiError> {
    if let Some(answer) = answer.filter(|_| calls.otherwise == Otherwise::Text) {
        if !matches!(answer.form(), Form::JsonObject | Form::Schema(_) | Form::Choice(_)) {
            return Err(ApiError::invalid_value(
                answer.field(),
                "contradicts tools: only JSON or choices go with them",
            ));
        }
        if calls.format.opening != Opening::InText {
            // Its opening words could begin such an answer too.
            calls.format = CallFormat::plain();
        }
        calls.otherwise = Otherwise::Form(Box::new(answer.form().clone()));
    }
    GrammarSpec::new(Form::Calls(calls), "tools")
}

/// Checks every tool; gives their names and schemas.
fn callable(tools: &[Tool]) -> Result<Vec<Callable>, ApiError> {
    let mut names = HashSet::new();
    let mut bytes = 0;
    let mut callable = Vec::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        check_kind(&path, &tool.kind)?;
        if tool.custom.is_some() {
            return Err(ApiError::unsupported_parameter(&format!("{path}.custom"), ", only functions can be called"));
        }
        let function = tool.function.as_ref().ok_or_else(|| ApiError::missing(&format!("{path}.function")))?;
        let path = format!("{path}.function");
        if !is_name(&function.name) {
            return Err(ApiError::invalid_value(&format!("{path}.name"), NAME_RULE));
        }
        if !names.insert(&*function.name) {
            return Err(ApiError::invalid_value(&format!("{path}.name"), "is the name of another tool too"));
        }
        let parameters = function.parameters.as_ref().map(|parameters| &parameters.0);
        let arguments = arguments(&format!("{path}.parameters"), parameters)?;
        bytes += arguments.to_string().len();
        callable.push(Callable { name: function.name.to_string(), arguments });
    }
    if bytes > MAX_SCHEMA_BYTES {
        let says = format_args!("have {bytes} bytes of schemas, limit {MAX_SCHEMA_BYTES}");
        return Err(ApiError::invalid_schema("tools", says));
    }
    Ok(callable)
}

/// The schema of a function's arguments: an object's.
fn arguments(path: &str, parameters: Option<&Value>) -> Result<Value, ApiError> {
    let mut members = match parameters {
        None => Map::from_iter([("properties".to_owned(), json!({}))]),
        Some(Value::Object(members)) => members.clone(),
        Some(_) => return Err(ApiError::invalid_schema(path, "must be an object")),
    };
    let kind = members.entry("type").or_insert_with(|| json!("object"));
    if kind != "object" {
        return Err(ApiError::invalid_schema(&format!("{path}.type"), "must be object"));
    }
    prepare_schema(Value::Object(members), path)
}

fn some_of(callable: &[Callable], allowed: &AllowedTools) -> Result<Vec<Callable>, ApiError> {
    const PATH: &str = "tool_choice.allowed_tools";
    if allowed.mode == ToolMode::None {
        return Err(ApiError::invalid_value(&format!("{PATH}.mode"), "must be auto or required"));
    }
    let one = |(index, tool): (usize, &NamedTool)| {
        let path = format!("{PATH}.tools[{index}]");
        check_kind(&path, &tool.kind)?;
        find(callable, &format!("{path}.function.name"), &tool.function.name)
    };
    let mut chosen: Vec<Callable> = allowed.tools.iter().enumerate().map(one).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    chosen.retain(|tool| seen.insert(tool.name.clone()));
    Ok(chosen)
}

fn check_kind(path: &str, kind: &Text) -> Result<(), ApiError> {
    if &**kind == "function" {
        return Ok(());
    }
    Err(ApiError::unsupported_value(&format!("{path}.type"), "must be function"))
}

fn find(callable: &[Callable], path: &str, name: &Text) -> Result<Callable, ApiError> {
    let found = callable.iter().find(|tool| tool.name == **name);
    found.cloned().ok_or_else(|| ApiError::invalid_value(path, "is not the name of one of the tools"))
}

/// A tool as templates take it.
fn declaration(tool: &Tool) -> Value {
    let Some(declared) = &tool.function else { return Value::Null };
    let mut function = Map::from_iter([("name".to_owned(), json!(&*declared.name))]);
    function.extend(declared.description.as_ref().map(|text| ("description".to_owned(), json!(&**text))));
    let parameters = declared.parameters.as_ref().map(|parameters| parameters.0.clone());
    let parameters = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    function.insert("parameters".to_owned(), parameters);
    json!({"type": "function", "function": function})
}
