//! A list of results, one for each text or pair of a request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{EmbeddingUsage, ObjectName, Timings};

/// Results in the order of what they are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Listing<T> {
    /// Of this answer.
    pub id: String,
    /// `list`
    pub object: ObjectName,
    /// Unix seconds.
    pub created: u64,
    /// The name asked for.
    pub model: String,
    /// One for each text or pair.
    pub data: Vec<T>,
    /// What it cost.
    pub usage: EmbeddingUsage,
    /// Where its time went, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}
