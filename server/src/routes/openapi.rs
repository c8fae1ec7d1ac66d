//! GET /openapi.json: the document of this API.

use std::sync::Arc;

use axum::{Json, extract::State};
use utoipa::openapi::OpenApi;

use crate::{
    app::App,
    openapi::{self, Endpoint, Facts},
};

/// What it answers.
pub fn describe(_: &Facts) -> Endpoint {
    Endpoint::get("Show this document").answers::<serde_json::Value>("OpenAPI 3.1.")
}

/// The document, as exact as the model that is loaded lets it be.
pub async fn document(State(app): State<Arc<App>>) -> Json<OpenApi> {
    Json(openapi::document(&Facts::of(&app)))
}
