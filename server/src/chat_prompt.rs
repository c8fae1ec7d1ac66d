//! A conversation on its way to a prompt: what a chat template is rendered with.
//!
//! Holds user text, so `Debug` prints lengths only.

use std::fmt;

use serde_json::{Map, Value};

/// Who speaks. A closed set: any other role is refused before a `ChatPrompt` exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions to the model.
    System,
    /// The person asking.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// The name that templates know.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One turn of a conversation.
#[derive(Clone)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// What was thought before it.
    pub reasoning: Option<String>,
    /// What a system turn tells of tools, for templates that look for it there.
    pub tools: Option<String>,
    /// The speaker's or tool's name.
    pub name: Option<String>,
    /// The calls an assistant turn makes, as the template sees them, their arguments as objects.
    pub tool_calls: Option<Value>,
    /// Which call a tool's turn answers.
    pub tool_call_id: Option<String>,
}

/// A conversation and how its prompt ends.
#[derive(Clone, Default)]
pub struct ChatPrompt {
    /// The turns, oldest first.
    pub messages: Vec<ChatMessage>,
    /// Whether the prompt ends with the opening of the model's turn.
    pub add_generation_prompt: bool,
    /// Whether the last message is left open, for the model to go on with it.
    pub continue_final_message: bool,
    /// Tool declarations, as the template sees them.
    pub tools: Option<Value>,
    /// Documents, as the template sees them.
    pub documents: Option<Value>,
    /// Scalars that the template may read beside these (`enable_thinking` and the like).
    pub template_arguments: Map<String, Value>,
}

impl ChatMessage {
    /// A turn of plain text.
    pub fn text(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            reasoning: None,
            tools: None,
            name: None,
            tool_calls: None,
            tool_call_id: None,
        }
    }
}

impl ChatPrompt {
    /// Whether an earlier turn calls tools.
    pub fn has_calls(&self) -> bool {
        self.messages.iter().any(|message| message.tool_calls.is_some())
    }

    /// The same with the arguments of calls as JSON texts in place of objects.
    #[must_use]
    pub fn with_arguments_as_text(&self) -> Self {
        let mut prompt = self.clone();
        let calls = prompt.messages.iter_mut().filter_map(|message| message.tool_calls.as_mut()?.as_array_mut());
        for call in calls.flatten() {
            if let Some(arguments) = call.pointer_mut("/function/arguments") {
                *arguments = Value::String(arguments.to_string());
            }
        }
        prompt
    }
}

impl fmt::Debug for ChatMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ChatMessage({}, {} bytes)", self.role.name(), self.content.len())
    }
}

impl fmt::Debug for ChatPrompt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ChatPrompt({} messages)", self.messages.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_text() {
        let prompt = ChatPrompt { messages: vec![ChatMessage::text(Role::User, "a secret")], ..ChatPrompt::default() };
        let shown = format!("{prompt:?} {:?}", prompt.messages[0]);
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("8 bytes"), "{shown}");
    }
}
