//! Routes for other kinds of models, and of features that are not enabled: they exist, and say why they do nothing.

use std::sync::Arc;

use axum::extract::State;

use crate::{
    app::App,
    error::ApiError,
    model_kind::ModelKind,
    openapi::{Endpoint, Facts},
};

/// Paths that other models serve.
pub const FOR_OTHER_MODELS: [&str; 4] =
    ["/v1/translate", "/v1/summarize", "/v1/audio/transcriptions", "/v1/audio/translations"];

/// Paths of adapters.
pub const FOR_ADAPTERS: [&str; 2] = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"];

/// How the first refuse.
pub fn describe_for_other_models(_: &Facts) -> Endpoint {
    Endpoint::post("Not for the kind of model that is served")
        .refuses(ApiError::of_model())
        .refuses([ModelKind::Decoder.refusal()])
}

/// How the second refuse.
pub fn describe_for_adapters(_: &Facts) -> Endpoint {
    Endpoint::post("Not enabled: adapters").refuses([no_adapters()])
}

/// What the model serves in place of this route.
pub async fn for_other_models(State(app): State<Arc<App>>) -> ApiError {
    match app.models().any() {
        Ok(model) => model.rules.kind.refusal(),
        Err(error) => error,
    }
}

/// That adapters are off.
pub async fn for_adapters() -> ApiError {
    no_adapters()
}

fn no_adapters() -> ApiError {
    ApiError::not_enabled("adapters")
}
