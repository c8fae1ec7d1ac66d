//! Answers of `POST /v1/chat/completions`, whole and in chunks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ChatLogprobs, FinishReason, Member, ObjectName, PlaceLogprobs, Role, StopReason, Text, Timings, ToolCall,
    ToolCallDelta, Usage,
};

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatResponse {
    /// `chatcmpl-` and random digits.
    pub id: String,
    /// `chat.completion`
    pub object: ObjectName,
    /// When the request was accepted, in Unix seconds.
    pub created: u64,
    /// The name asked for.
    pub model: String,
    /// Weights and kernels that made it.
    #[serde(default)]
    #[schema(required)]
    pub system_fingerprint: Option<String>,
    /// `default`
    #[serde(default)]
    #[schema(required)]
    pub service_tier: Option<String>,
    /// In order of index.
    pub choices: Vec<ChatChoice>,
    /// What it cost.
    pub usage: Usage,
    /// Where its time went, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    /// The prompt's tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_token_ids: Option<Vec<u32>>,
    /// How likely each token of the prompt was, if asked for; null for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_logprobs: Option<Vec<Option<PlaceLogprobs>>>,
}

/// One answer of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatChoice {
    /// Its place.
    pub index: usize,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// What exactly stopped it.
    #[serde(default)]
    #[schema(required)]
    pub stop_reason: Option<StopReason>,
    /// Log-probabilities, if asked for.
    #[serde(default)]
    #[schema(required)]
    pub logprobs: Option<ChatLogprobs>,
    /// The message.
    pub message: AssistantMessage,
    /// The answer's tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ids: Option<Vec<u32>>,
}

/// What the model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssistantMessage {
    /// `assistant`
    pub role: Role,
    /// The text.
    pub content: Option<Text>,
    /// The thought before it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<Text>,
    /// Always null.
    #[serde(default)]
    #[schema(required)]
    pub refusal: Option<Text>,
    /// Always empty.
    #[serde(default)]
    #[schema(required)]
    pub annotations: Option<Vec<serde_json::Value>>,
    /// The calls, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

impl AssistantMessage {
    /// A message with this text and these calls; beside calls, no text is null.
    pub fn new(content: impl Into<Text>, tool_calls: Vec<ToolCall>) -> Self {
        let content: Text = content.into();
        Self {
            role: Role::Assistant,
            content: (!content.is_empty() || tool_calls.is_empty()).then_some(content),
            reasoning_content: None,
            refusal: None,
            annotations: Some(Vec::new()),
            tool_calls,
        }
    }

    /// The same after this thought; an empty one is none.
    #[must_use]
    pub fn after(self, thought: impl Into<Text>) -> Self {
        let thought: Text = thought.into();
        Self { reasoning_content: (!thought.is_empty()).then_some(thought), ..self }
    }
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatChunk {
    /// The same in every chunk.
    pub id: String,
    /// `chat.completion.chunk`
    pub object: ObjectName,
    /// The same in every chunk.
    pub created: u64,
    /// The same in every chunk.
    pub model: String,
    /// The same in every chunk.
    #[serde(default)]
    #[schema(required)]
    pub system_fingerprint: Option<String>,
    /// One, or none in the usage chunk.
    pub choices: Vec<ChatChunkChoice>,
    /// Absent unless asked for; then null but in the last chunk.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Member<Usage>,
    /// Beside the usage, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    /// The prompt's tokens, in the first chunk, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_token_ids: Option<Vec<u32>>,
}

/// What one choice gained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatChunkChoice {
    /// Whose piece this is.
    pub index: usize,
    /// The piece; empty in the finish chunk.
    pub delta: ChatDelta,
    /// Log-probabilities of its tokens, if asked for.
    #[serde(default)]
    #[schema(required)]
    pub logprobs: Option<ChatLogprobs>,
    /// Null but in the finish chunk.
    pub finish_reason: Option<FinishReason>,
    /// Absent but in the finish chunk.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<StopReason>)]
    pub stop_reason: Member<StopReason>,
    /// Its tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ids: Option<Vec<u32>>,
}

/// A piece of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatDelta {
    /// In the first chunk only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// More text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
    /// More of the thought, which comes before all text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<Text>,
    /// More of the calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
}
