//! POST /v1/models/load and /v1/models/unload: what the process serves, changed while it serves.
//!
//! Requests that have begun go on with the model they began with. Both answer when that is over and its memory is free; who
//! does not wait for it changes nothing.

use std::{future::Future, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
};
use engine::error::LoadError;
use proto::{Model, ModelRequest};
use serde_json::json as object;

use super::models;
use crate::{
    app::App,
    auth, engine_thread,
    error::ApiError,
    json,
    model_source::ModelError,
    models::{Change, Slot},
    openapi::{Endpoint, Facts},
    prepare::without_result,
    start_up::{self, StartError},
};

/// What it takes and answers.
pub fn describe_load(facts: &Facts) -> Endpoint {
    describe(facts, "Load a model again and put it in the place of what is served: with a key of an admin")
}

/// What it takes and answers.
pub fn describe_unload(facts: &Facts) -> Endpoint {
    describe(facts, "Unload a model once its requests have ended: with a key of an admin")
}

fn describe(facts: &Facts, summary: &str) -> Endpoint {
    if !facts.has_admins {
        return Endpoint::post(summary).refuses([auth::no_admins()]);
    }
    Endpoint::post(summary)
        .reads::<ModelRequest>([("the model", object!({"model": facts.model()}))])
        .answers::<Model>("The model as it is now.")
        .refuses(ApiError::of_changes(facts.body_bytes))
}

/// Loads the model: where it is served, its files are read anew, and it is replaced.
pub async fn load(State(app): State<Arc<App>>, request: Request) -> Result<Json<Model>, ApiError> {
    changed(&app, request, |change| load_again(&app, change)).await
}

/// Unloads the model; one that is not loaded stays so.
pub async fn unload(State(app): State<Arc<App>>, request: Request) -> Result<Json<Model>, ApiError> {
    changed(&app, request, take_out).await
}

async fn load_again(app: &Arc<App>, change: Change) -> Result<(), ApiError> {
    let slot = Arc::clone(change.slot());
    let loaded = engine_thread::start(app, move |app| start_up::plan_again(app, change));
    let loaded = loaded.map_err(|error| refusal(slot.name(), &error))?.await.unwrap_or(Err(StartError::Panic));
    if let Some(replaced) = loaded.map_err(|error| refusal(slot.name(), &error))? {
        replaced.drained().await;
    }
    Ok(())
}

async fn take_out(change: Change) -> Result<(), ApiError> {
    if let Some(serving) = change.take_out() {
        tracing::info!(model = change.slot().name(), "unloading");
        serving.drained().await;
    }
    drop(change);
    Ok(())
}

/// Makes a change that a request asks for, and answers with the model.
async fn changed<Making: Future<Output = Result<(), ApiError>>>(
    app: &App,
    request: Request,
    make: impl FnOnce(Change) -> Making,
) -> Result<Json<Model>, ApiError> {
    auth::require_admin(app, request.headers())?;
    let _work = app.shutdown.begin().ok_or_else(ApiError::shutting_down)?;
    let mut cut = app.shutdown().cut_signal();
    let done = async {
        let body = app.bodies.read(request).await?;
        let parsed = app.pool.run(body.len(), move || json::parse::<ModelRequest>(&body)).await;
        let name = parsed.map_err(without_result)??.model;
        let slot = app.models().named(&name)?;
        make(change(slot)?).await?;
        Ok::<_, ApiError>(Json(models::model(app, slot, &name)))
    };
    tokio::select! {
        biased;
        () = cut.raised() => Err(ApiError::shutting_down()),
        done = done => done,
    }
}

/// The right to the change, if nobody else has it.
fn change(slot: &Arc<Slot>) -> Result<Change, ApiError> {
    if slot.is_starting() {
        return Err(ApiError::model_changing());
    }
    slot.change().ok_or_else(ApiError::model_changing)
}

/// What a client is told of a model that does not load. Paths are for the log.
fn refusal(model: &str, error: &StartError) -> ApiError {
    tracing::warn!(model, %error, "a model was not loaded");
    match error {
        StartError::Load(LoadError::Memory(arithmetic)) => ApiError::no_room_for_model(arithmetic),
        StartError::Model(ModelError::NotCached(_)) => ApiError::invalid_model(
            "its files are not on this machine, and only `gondola pull` and a start download any",
        ),
        StartError::Model(_) => ApiError::invalid_model("its files are not where they were, the log names them"),
        other => ApiError::invalid_model(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_client_is_told_the_arithmetic_and_the_file_and_no_path() {
        let told = |error: StartError| {
            let refusal = refusal("lift", &error);
            (refusal.status(), refusal.code(), refusal.message().to_owned())
        };
        let (status, code, message) = told(LoadError::Memory("needs 3.00 GiB; have 2.00 GiB".to_owned()).into());
        assert_eq!((status, code), (400, "insufficient_memory"));
        assert!(message.ends_with("needs 3.00 GiB; have 2.00 GiB"), "{message}");
        let file = LoadError::File { path: PathBuf::from("/secret/model.gguf"), reason: "is cut short".to_owned() };
        let (status, code, message) = told(file.into());
        assert_eq!((status, code), (400, "invalid_model"));
        assert_eq!(message, "the model cannot be loaded: model.gguf: is cut short");
        let (_, code, message) = told(ModelError::NotCached("org/secret".to_owned()).into());
        assert!(code == "invalid_model" && message.contains("gondola pull"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        let (_, code, message) = told(ModelError::Unknown("/secret/model.gguf".to_owned()).into());
        assert!(code == "invalid_model" && !message.contains("secret"), "{message}");
    }
}
