//! Tokens that a request cost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `usage`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of all prompts, each once.
    pub prompt_tokens: usize,
    /// Tokens generated, over all choices, ending ones included.
    #[serde(default)]
    #[schema(required)]
    pub completion_tokens: usize,
    /// The sum of both.
    pub total_tokens: usize,
    /// About the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
    /// About what was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionTokensDetails>,
}

/// About the prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Tokens found in the prefix cache.
    #[serde(default)]
    #[schema(required)]
    pub cached_tokens: usize,
}

/// About what was generated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompletionTokensDetails {
    /// Tokens of thoughts.
    #[serde(default)]
    #[schema(required)]
    pub reasoning_tokens: usize,
    /// Tokens of the prediction that were proposed and stand in the answer; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<usize>,
    /// Tokens of the prediction that were proposed in vain; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<usize>,
}

impl Usage {
    /// The account of a request, with all details.
    pub fn new(prompt_tokens: usize, cached_tokens: usize, completion_tokens: usize) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: Some(PromptTokensDetails { cached_tokens }),
            completion_tokens_details: Some(CompletionTokensDetails::default()),
        }
    }
}
