//! Routes for other kinds of models, and of features that are not enabled: they exist, and say why they do nothing.

use std::sync::Arc;

use axum::extract::State;

use crate::{
    app::App,
    error::ApiError,
    openapi::{Endpoint, Facts},
};

/// Paths that an encoder or an encoder-decoder serves, and a decoder does not.
pub const FOR_OTHER_MODELS: [&str; 19] = [
    "/v1/rerank",
    "/v2/rerank",
    "/rerank",
    "/v1/score",
    "/score",
    "/similarity",
    "/v1/classify",
    "/classify",
    "/predict",
    "/v1/pooling",
    "/pooling",
    "/v1/ner",
    "/v1/qa",
    "/v1/fill-mask",
    "/v1/sentiment",
    "/v1/translate",
    "/v1/summarize",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
];

/// Paths of adapters.
pub const FOR_ADAPTERS: [&str; 2] = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"];

/// What a decoder is asked for instead.
const OF_A_DECODER: &str =
    "this model is a decoder: it serves /v1/chat/completions, /v1/completions and /v1/embeddings";

/// How the first refuse.
pub fn describe_for_other_models(_: &Facts) -> Endpoint {
    Endpoint::post("Not for the kind of model that is served").refuses(ApiError::of_model()).refuses([for_a_decoder()])
}

/// How the second refuse.
pub fn describe_for_adapters(_: &Facts) -> Endpoint {
    Endpoint::post("Not enabled: adapters").refuses([no_adapters()])
}

/// What the model serves in place of this route.
pub async fn for_other_models(State(app): State<Arc<App>>) -> ApiError {
    app.model().err().unwrap_or_else(for_a_decoder)
}

/// That adapters are off.
pub async fn for_adapters() -> ApiError {
    no_adapters()
}

fn for_a_decoder() -> ApiError {
    ApiError::unsupported_model(OF_A_DECODER)
}

fn no_adapters() -> ApiError {
    ApiError::not_enabled("adapters")
}
