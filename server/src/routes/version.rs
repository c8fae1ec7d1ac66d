//! GET /version.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::{Endpoint, Facts};

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    version: &'static str,
}

/// What it answers.
pub fn describe(_: &Facts) -> Endpoint {
    Endpoint::get("Tell the version").answers::<Version>("The version of this build.")
}

/// The version of this build.
pub async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}
