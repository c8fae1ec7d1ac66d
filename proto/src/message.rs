//! Messages of a chat. Which members go with which role is checked by whoever reads them.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, OneOf},
};

use crate::{Content, List, Refused, Text, list::of_items, schema, strict_object::strict_object, word::word};

/// A whole conversation, oldest first, 1 to 4096 messages.
pub type Messages = List<ChatMessage, 4096, 1>;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, in the newer name.
    Developer,
    /// The user.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

word!(Role);

strict_object! {
    /// One message, with the members of all roles.
    pub struct ChatMessage {
        required {
            /// Who speaks.
            role: Role,
        }
        optional {
            /// What is said.
            content: Content,
            /// Name of the speaker.
            name: Text,
            /// Calls an assistant made.
            tool_calls: List<ToolCall, 128>,
            /// Which call a tool message answers.
            tool_call_id: Text,
            /// Words of a refusal.
            refusal: Text,
            /// Thoughts before the content.
            reasoning_content: Text,
            /// Thoughts, in another server's name.
            reasoning: Text,
        }
        received {
            /// Part of our own answers, of no effect.
            annotations: IgnoredAny,
            /// Tolerated as null.
            audio: Refused,
            /// Tolerated as null.
            function_call: Refused,
        }
        forms { of_roles }
    }
}

/// Members by role: what is said to the model, what it said, what it called, and what came of a call.
fn of_roles(message: &Object) -> OneOf {
    const ASSISTANT: [&str; 5] = ["tool_calls", "refusal", "reasoning_content", "reasoning", "annotations"];
    let mut said = schema::form(message, &["content"], &ASSISTANT);
    schema::set(&mut said, "content", Content::of_texts());
    let mut result = schema::form(&said, &["tool_call_id"], &[]);
    schema::set(&mut result, "role", schema::words(&["tool"]));
    said = schema::form(&said, &[], &["tool_call_id"]);
    schema::set(&mut said, "role", schema::words(&["system", "developer", "user"]));
    let mut answer = schema::form(message, &["content"], &["tool_call_id"]);
    schema::set(&mut answer, "role", schema::words(&["assistant"]));
    let mut calls = schema::form(&answer, &["tool_calls"], &["content"]);
    schema::set(&mut calls, "tool_calls", of_items(schema::used::<ToolCall>(), 1, Some(128)));
    schema::forms_of(message, [said, answer, calls, result])
}

strict_object! {
    /// A call that an assistant made.
    pub struct ToolCall {
        required {
            /// Its id, named again by the tool message that answers it.
            id: Text,
            /// `function`
            kind: Text,
            /// What is called.
            function: FunctionCall,
        }
        forms { of_function }
    }
}

fn of_function(call: &Object) -> Object {
    let mut call = call.clone();
    schema::set(&mut call, "type", schema::words(&["function"]));
    call
}

strict_object! {
    /// The function of a call.
    pub struct FunctionCall {
        required {
            /// Name of the function.
            name: Text,
            /// Arguments, JSON in a string.
            arguments: Text,
        }
    }
}
