//! Tools and calls as plain text, for chat templates that know none.
//!
//! The tools stand in the system turn, as a member of it where the template has a place for that, or in the first
//! user's where a template takes no system turn; earlier calls are text of the assistant, results text of the user.

use serde_json::Value;

use super::CallFormat;
use crate::{
    chat_prompt::{ChatMessage, ChatPrompt, Role},
    chat_template::{ChatTemplate, TemplateError, one_line},
    tokenizer::Piece,
};

/// Renders a conversation, whatever the template knows of tools.
pub(crate) fn render(
    template: &ChatTemplate,
    prompt: &ChatPrompt,
    format: &CallFormat,
    limit: usize,
) -> Result<Vec<Piece>, TemplateError> {
    if template.knows_tools() || !has_tools(prompt) {
        return template.render(prompt, limit);
    }
    let turns = turns(prompt, format);
    if template.takes_tools_in_system() {
        return template.render(&with_messages(prompt, with_tools_member(turns, prompt.tools.as_ref())), limit);
    }
    let Some(words) = prompt.tools.as_ref().map(|tools| introduction(tools, format)) else {
        return template.render(&with_messages(prompt, turns), limit);
    };
    let in_system = with_messages(prompt, with_system(turns.clone(), &words));
    match template.render(&in_system, limit) {
        Err(TemplateError::Raised(_)) if prompt.messages.first().is_none_or(|first| first.role != Role::System) => {
            template.render(&with_messages(prompt, with_first_user(turns, &words)), limit)
        }
        rendered => rendered,
    }
}

fn has_tools(prompt: &ChatPrompt) -> bool {
    prompt.tools.is_some() || prompt.has_calls() || prompt.messages.iter().any(|message| message.role == Role::Tool)
}

fn with_messages(prompt: &ChatPrompt, messages: Vec<ChatMessage>) -> ChatPrompt {
    ChatPrompt { messages, tools: None, ..prompt.clone() }
}

/// What the model is told about its tools.
fn introduction(tools: &Value, format: &CallFormat) -> String {
    let tools = tools.as_array().into_iter().flatten();
    let lines: Vec<String> = tools.map(|tool| one_line(&tool["function"])).collect();
    let example = format.example();
    format!(
        "You can call functions. Each line describes one:\n<tools>\n{}\n</tools>\nTo call one, answer exactly like \
         this, with its name and its arguments:\n{example}",
        lines.join("\n")
    )
}

/// The turns, with calls and results as text.
fn turns(prompt: &ChatPrompt, format: &CallFormat) -> Vec<ChatMessage> {
    let mut turns: Vec<ChatMessage> = Vec::new();
    let mut after_result = false;
    for message in &prompt.messages {
        let is_result = message.role == Role::Tool;
        match turns.last_mut() {
            Some(last) if is_result && after_result => last.content.extend(["\n", &result(message)]),
            _ if is_result => turns.push(ChatMessage::text(Role::User, result(message))),
            _ => turns.push(with_calls(message, format)),
        }
        after_result = is_result;
    }
    turns
}

fn result(message: &ChatMessage) -> String {
    format!("<tool_response>\n{}\n</tool_response>", message.content)
}

fn with_calls(message: &ChatMessage, format: &CallFormat) -> ChatMessage {
    let Some(calls) = message.tool_calls.as_ref().and_then(Value::as_array) else { return message.clone() };
    let functions = calls.iter().map(|call| &call["function"]);
    let text = format.write(functions.map(|own| (own["name"].as_str().unwrap_or_default(), &own["arguments"])));
    let gap = if message.content.is_empty() { "" } else { "\n" };
    let content = format!("{}{gap}{text}", message.content);
    ChatMessage { content, tool_calls: None, ..message.clone() }
}

fn with_system(mut turns: Vec<ChatMessage>, words: &str) -> Vec<ChatMessage> {
    match turns.first_mut().filter(|first| first.role == Role::System) {
        Some(first) => first.content.extend(["\n\n", words]),
        None => turns.insert(0, ChatMessage::text(Role::System, words)),
    }
    turns
}

/// The turns, with the functions as a text beside that of the system's.
fn with_tools_member(mut turns: Vec<ChatMessage>, tools: Option<&Value>) -> Vec<ChatMessage> {
    let Some(tools) = tools.and_then(Value::as_array) else { return turns };
    if turns.first().is_none_or(|first| first.role != Role::System) {
        turns.insert(0, ChatMessage::text(Role::System, "You are a helpful assistant with some tools."));
    }
    let functions: Value = tools.iter().map(|tool| tool["function"].clone()).collect();
    turns[0].tools = Some(one_line(&functions));
    turns
}

fn with_first_user(mut turns: Vec<ChatMessage>, words: &str) -> Vec<ChatMessage> {
    if let Some(first) = turns.iter_mut().find(|turn| turn.role == Role::User) {
        first.content = format!("{words}\n\n{}", first.content);
    }
    turns
}
