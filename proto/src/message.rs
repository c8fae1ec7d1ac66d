//! Messages of a chat. Which members go with which role is checked by whoever reads them.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{Content, List, Refused, Text, strict_object::strict_object, word::word};

/// A whole conversation, oldest first, 4096 messages at most.
pub type Messages = List<ChatMessage, 4096>;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    }
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
    }
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
