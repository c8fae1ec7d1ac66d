//! `object`: what an answer is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The names in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ObjectName {
    /// A whole chat answer.
    #[serde(rename = "chat.completion")]
    ChatCompletion,
    /// A piece of one.
    #[serde(rename = "chat.completion.chunk")]
    ChatCompletionChunk,
    /// A completion, whole or a piece.
    #[serde(rename = "text_completion")]
    TextCompletion,
    /// A model.
    #[serde(rename = "model")]
    Model,
    /// A vector.
    #[serde(rename = "embedding")]
    Embedding,
    /// A score of a pair.
    #[serde(rename = "score")]
    Score,
    /// What was made of a text.
    #[serde(rename = "pooling")]
    Pooling,
    /// A list of objects.
    #[serde(rename = "list")]
    List,
}
