//! Answers of `POST /v1/completions`, whole and in chunks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CompletionLogprobs, FinishReason, Member, ObjectName, PlaceLogprobs, StopReason, Text, Timings, Usage};

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionResponse {
    /// `cmpl-` and random digits.
    pub id: String,
    /// `text_completion`
    pub object: ObjectName,
    /// When the request was accepted, in Unix seconds.
    pub created: u64,
    /// The name asked for.
    pub model: String,
    /// Weights and kernels that made it.
    #[serde(default)]
    #[schema(required)]
    pub system_fingerprint: Option<String>,
    /// Prompt index times `n` plus choice.
    pub choices: Vec<CompletionChoice>,
    /// What it cost.
    pub usage: Usage,
    /// Where its time went, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}

/// One continuation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionChoice {
    /// Its place.
    pub index: usize,
    /// The text, after the prompt's if that is echoed.
    pub text: Text,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// What exactly stopped it.
    #[serde(default)]
    #[schema(required)]
    pub stop_reason: Option<StopReason>,
    /// Log-probabilities, if asked for.
    #[serde(default)]
    #[schema(required)]
    pub logprobs: Option<CompletionLogprobs>,
    /// The prompt's tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_token_ids: Option<Vec<u32>>,
    /// The answer's tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ids: Option<Vec<u32>>,
    /// How likely each token of the prompt was, if asked for; null for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_logprobs: Option<Vec<Option<PlaceLogprobs>>>,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionChunk {
    /// The same in every chunk.
    pub id: String,
    /// `text_completion`
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
    pub choices: Vec<CompletionChunkChoice>,
    /// Absent unless asked for; then null but in the last chunk.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Member<Usage>,
    /// Beside the usage, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}

/// What one choice gained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionChunkChoice {
    /// Whose piece this is.
    pub index: usize,
    /// The piece; empty in the finish chunk.
    pub text: Text,
    /// Log-probabilities of its tokens, if asked for.
    #[serde(default)]
    #[schema(required)]
    pub logprobs: Option<CompletionLogprobs>,
    /// Null but in the finish chunk.
    pub finish_reason: Option<FinishReason>,
    /// Absent but in the finish chunk.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<StopReason>)]
    pub stop_reason: Member<StopReason>,
    /// The prompt's tokens, in the first chunk, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_token_ids: Option<Vec<u32>>,
    /// Its tokens, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ids: Option<Vec<u32>>,
}
