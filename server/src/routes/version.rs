//! GET /version.

use axum::Json;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Version {
    version: &'static str,
}

/// The version of this build.
pub async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}
