//! What a template sees of a conversation, with or without marks around the texts.
//!
//! Roles are a closed set and carry no mark. Names of members cannot carry one; they and the request's template
//! arguments are the unmarked texts.

use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::marks::Marks;
use crate::chat_prompt::{ChatMessage, ChatPrompt};

pub(super) struct Variables {
    pub(super) messages: Value,
    pub(super) tools: Value,
    pub(super) documents: Value,
    pub(super) arguments: Value,
}

impl Variables {
    pub(super) fn new(prompt: &ChatPrompt, marks: Option<Marks>) -> Self {
        let messages: Vec<Json> = prompt.messages.iter().map(|message| message_value(message, marks)).collect();
        let value = |json: &Option<Json>| Value::from_serialize(json.as_ref().map(|json| marked(json, marks)));
        Self {
            messages: Value::from_serialize(messages),
            tools: value(&prompt.tools),
            documents: value(&prompt.documents),
            arguments: Value::from_serialize(&prompt.template_arguments),
        }
    }
}

fn message_value(message: &ChatMessage, marks: Option<Marks>) -> Json {
    let text = |text: &String| Json::String(mark(text, marks));
    let mut value = Map::new();
    value.insert("role".to_owned(), Json::from(message.role.name()));
    value.insert("content".to_owned(), text(&message.content));
    value.extend(message.reasoning.as_ref().map(|thought| ("reasoning_content".to_owned(), text(thought))));
    value.extend(message.tools.as_ref().map(|tools| ("tools".to_owned(), text(tools))));
    value.extend(message.name.as_ref().map(|name| ("name".to_owned(), text(name))));
    value.extend(message.tool_call_id.as_ref().map(|id| ("tool_call_id".to_owned(), text(id))));
    value.extend(message.tool_calls.as_ref().map(|calls| ("tool_calls".to_owned(), marked(calls, marks))));
    Json::Object(value)
}

fn mark(text: &str, marks: Option<Marks>) -> String {
    marks.map_or_else(|| text.to_owned(), |marks| marks.mark(text))
}

/// A copy with every text marked but the kinds, which templates compare. The parser bounds the depth.
fn marked(value: &Json, marks: Option<Marks>) -> Json {
    match value {
        Json::String(text) => Json::String(mark(text, marks)),
        Json::Array(values) => values.iter().map(|value| marked(value, marks)).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), if name == "type" { value.clone() } else { marked(value, marks) }))
            .collect(),
        other => other.clone(),
    }
}

/// Every text that a request brings into the template.
pub(super) fn message_texts(prompt: &ChatPrompt) -> Vec<&str> {
    let mut texts = unmarked_texts(prompt);
    for message in &prompt.messages {
        texts.push(&message.content);
        texts.extend(message.reasoning.as_deref());
        texts.extend(message.tools.as_deref());
        texts.extend(message.name.as_deref());
        texts.extend(message.tool_call_id.as_deref());
    }
    for value in structures(prompt) {
        collect(value, Texts::Marked, &mut texts);
    }
    texts
}

/// Those of them that carry no mark.
pub(super) fn unmarked_texts(prompt: &ChatPrompt) -> Vec<&str> {
    let mut texts: Vec<&str> = prompt.template_arguments.values().filter_map(Json::as_str).collect();
    for value in structures(prompt) {
        collect(value, Texts::Unmarked, &mut texts);
    }
    texts
}

fn structures(prompt: &ChatPrompt) -> impl Iterator<Item = &Json> {
    prompt
        .messages
        .iter()
        .filter_map(|message| message.tool_calls.as_ref())
        .chain(&prompt.tools)
        .chain(&prompt.documents)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    Marked,
    /// Names of members, and everything below a `type`.
    Unmarked,
}

fn collect<'a>(value: &'a Json, wanted: Texts, texts: &mut Vec<&'a str>) {
    match value {
        Json::String(text) if wanted == Texts::Marked => texts.push(text),
        Json::Array(values) => values.iter().for_each(|value| collect(value, wanted, texts)),
        Json::Object(members) => {
            for (name, value) in members {
                match (wanted, name.as_str()) {
                    (Texts::Marked, "type") => {}
                    (Texts::Unmarked, "type") => collect_all(value, texts),
                    _ => collect(value, wanted, texts),
                }
                if wanted == Texts::Unmarked {
                    texts.push(name);
                }
            }
        }
        _ => {}
    }
}

fn collect_all<'a>(value: &'a Json, texts: &mut Vec<&'a str>) {
    collect(value, Texts::Marked, texts);
    collect(value, Texts::Unmarked, texts);
}
