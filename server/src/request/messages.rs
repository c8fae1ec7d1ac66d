//! Messages as the template takes them: one text each, and only the members that go with the role.

use proto::{Content, ContentPart, Role as WireRole, Text};
use serde_json::{Value, json};

use super::content;
use crate::{
    chat_prompt::{ChatMessage, Role},
    error::ApiError,
};

/// Reads a conversation; also its size in bytes.
pub(super) fn read(messages: Vec<proto::ChatMessage>) -> Result<(Vec<ChatMessage>, usize), ApiError> {
    let mut calls = Vec::new();
    let mut bytes = 0;
    let mut read = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let path = Path(index);
        path.check_members(&message)?;
        path.check_call(&message, &calls)?;
        if message.role == WireRole::Assistant {
            let own = message.tool_calls.iter().flat_map(|calls| calls.iter());
            calls = own.map(|call| call.id.clone()).collect();
        }
        bytes += size(&message);
        read.push(path.message(message)?);
    }
    Ok((read, bytes))
}

fn size(message: &proto::ChatMessage) -> usize {
    let content = match &message.content {
        None => 0,
        Some(Content::Text(text)) => text.len(),
        Some(Content::Parts(parts)) => parts.iter().map(part_size).sum(),
    };
    let calls = message.tool_calls.iter().flat_map(|calls| calls.iter());
    let calls = calls.map(|call| call.id.len() + call.function.name.len() + call.function.arguments.len());
    let thought = message.reasoning_content.as_ref().or(message.reasoning.as_ref()).map_or(0, |text| text.len());
    content + thought + message.name.as_ref().map_or(0, |name| name.len()) + calls.sum::<usize>()
}

fn part_size(part: &ContentPart) -> usize {
    match part {
        ContentPart::Text { text } => text.len(),
        ContentPart::Refusal { refusal } => refusal.len(),
        ContentPart::Media(_) => 0,
    }
}

/// Where a message stands in the request.
#[derive(Clone, Copy)]
struct Path(usize);

impl Path {
    fn of(self, member: &str) -> String {
        format!("messages[{}].{member}", self.0)
    }

    /// Members of another role are unknown here.
    fn check_members(self, message: &proto::ChatMessage) -> Result<(), ApiError> {
        let is_assistant = message.role == WireRole::Assistant;
        let assistant_only = [
            ("tool_calls", message.tool_calls.is_some()),
            ("refusal", message.refusal.is_some()),
            ("reasoning_content", message.reasoning_content.is_some()),
            ("reasoning", message.reasoning.is_some()),
            ("annotations", message.annotations.is_some()),
            ("audio", message.audio.is_some()),
            ("function_call", message.function_call.is_some()),
        ];
        for (name, is_present) in assistant_only {
            if is_present && !is_assistant {
                return Err(ApiError::unknown_parameter(&self.of(name)));
            }
            if is_present && matches!(name, "audio" | "function_call") {
                return Err(ApiError::unsupported_parameter(&self.of(name), ""));
            }
        }
        if message.tool_call_id.is_some() && message.role != WireRole::Tool {
            return Err(ApiError::unknown_parameter(&self.of("tool_call_id")));
        }
        Ok(())
    }

    /// A tool message answers a call of the assistant's turn before it.
    fn check_call(self, message: &proto::ChatMessage, calls: &[Text]) -> Result<(), ApiError> {
        if message.role != WireRole::Tool {
            return Ok(());
        }
        let path = self.of("tool_call_id");
        match &message.tool_call_id {
            None => Err(ApiError::missing(&path)),
            Some(id) if calls.contains(id) => Ok(()),
            Some(_) => Err(ApiError::invalid_value(&path, "is not among the calls of the assistant's turn before it")),
        }
    }

    fn message(self, message: proto::ChatMessage) -> Result<ChatMessage, ApiError> {
        let has_calls = message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty());
        let reasoning = self.reasoning(message.reasoning_content, message.reasoning)?;
        let content = match message.content {
            Some(content) => content::text(content, &self.of("content"), message.role == WireRole::Assistant)?,
            None if has_calls => String::new(),
            None => return Err(ApiError::missing(&self.of("content"))),
        };
        Ok(ChatMessage {
            role: match message.role {
                WireRole::System | WireRole::Developer => Role::System,
                WireRole::User => Role::User,
                WireRole::Assistant => Role::Assistant,
                WireRole::Tool => Role::Tool,
            },
            content,
            reasoning,
            tools: None,
            name: message.name.map(Text::into_string),
            tool_calls: message.tool_calls.filter(|_| has_calls).map(|calls| self.calls(&calls)).transpose()?,
            tool_call_id: message.tool_call_id.map(Text::into_string),
        })
    }

    /// Two names of one text.
    fn reasoning(self, ours: Option<Text>, other: Option<Text>) -> Result<Option<String>, ApiError> {
        match (ours, other) {
            (Some(ours), Some(other)) if ours != other => {
                Err(ApiError::invalid_value(&self.of("reasoning"), "contradicts reasoning_content"))
            }
            (ours, other) => Ok(ours.or(other).map(Text::into_string)),
        }
    }

    /// The calls as JSON, their arguments as objects.
    fn calls(self, calls: &[proto::ToolCall]) -> Result<Value, ApiError> {
        let call = |(index, call): (usize, &proto::ToolCall)| {
            let path = |member| self.of(&format!("tool_calls[{index}].{member}"));
            if &*call.kind != "function" {
                return Err(ApiError::unsupported_value(&path("type"), "must be function"));
            }
            let arguments = serde_json::from_str::<Value>(&call.function.arguments).ok().filter(Value::is_object);
            let arguments = arguments
                .ok_or_else(|| ApiError::invalid_value(&path("function.arguments"), "must hold a JSON object"))?;
            let function = json!({"name": &*call.function.name, "arguments": arguments});
            Ok(json!({"id": &*call.id, "type": "function", "function": function}))
        };
        calls.iter().enumerate().map(call).collect()
    }
}
