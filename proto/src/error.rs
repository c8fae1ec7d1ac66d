//! The one shape of every error.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error answer, or an error event in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorObject,
}

/// All four members are always present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorObject {
    /// For people.
    pub message: String,
    /// The class of errors.
    #[serde(rename = "type")]
    pub kind: String,
    /// Path of the member that is wrong.
    pub param: Option<String>,
    /// For programs.
    pub code: String,
}
