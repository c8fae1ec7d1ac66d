//! GET /v1/models and /v1/models/{id}: the names that requests may use.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use proto::{Model, ModelList, ModelName, ObjectName};

use crate::{
    app::App,
    error::ApiError,
    model_kind::ModelKind,
    models::Slot,
    openapi::{Endpoint, Facts},
    served_model::ServedModel,
};

/// What it answers.
pub fn describe_list(_: &Facts) -> Endpoint {
    Endpoint::get("List the models")
        .answers::<ModelList>("The names that requests may use.")
        .refuses([ApiError::model_loading()])
}

/// What it answers.
pub fn describe_one(facts: &Facts) -> Endpoint {
    Endpoint::get("Describe a model")
        .in_path::<ModelName>("id", "Its name, which may hold slashes.")
        .answers::<Model>("The model.")
        .refuses([ApiError::model_loading(), ApiError::model_not_found(&format!("not-{}", facts.model()))])
}

/// All names.
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<ModelList>, ApiError> {
    check_loaded(&app)?;
    let named = |slot: &Arc<Slot>| slot.names().iter().map(|name| model(&app, slot, name)).collect::<Vec<_>>();
    let data = app.models().slots().iter().flat_map(named).collect();
    Ok(Json(ModelList { object: ObjectName::List, data }))
}

/// One name; it may hold slashes, raw or as `%2F`.
pub async fn one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, ApiError> {
    check_loaded(&app)?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    Ok(Json(model(&app, app.models().named(&id)?, &id)))
}

/// While nothing is served yet there is nothing to tell.
fn check_loaded(app: &App) -> Result<(), ApiError> {
    if app.models().are_starting() { Err(ApiError::model_loading()) } else { Ok(()) }
}

/// A model by one of its names. What it does is known while it is loaded.
pub(super) fn model(app: &App, slot: &Slot, name: &str) -> Model {
    let (served, status) = (slot.served(), slot.status());
    Model {
        id: name.to_owned(),
        object: ObjectName::Model,
        created: app.created,
        owned_by: "gondola".to_owned(),
        root: Some(slot.name().to_owned()),
        parent: None,
        max_model_len: served.as_ref().map(|model| model.limits.max_model_len),
        kind: served.as_ref().map(|model| model.rules.kind.name().to_owned()),
        tasks: served.as_deref().map(tasks).unwrap_or_default(),
        status: Some(status),
    }
}

fn tasks(model: &ServedModel) -> Vec<String> {
    let kind = &model.rules.kind;
    let generates = kind.generates();
    let chats = generates && model.template.is_some();
    let (embeds, scores) = (model.rules.vectors.is_ok(), model.rules.pair_scorer().is_ok());
    let classifies = kind.labels().is_some() || kind.tasks().is_some();
    let tasks = [
        ("chat", chats),
        ("completion", generates),
        ("embed", embeds),
        ("rerank", scores),
        ("score", scores),
        ("classify", classifies),
        ("ner", kind.token_labels().is_some()),
        ("qa", *kind == ModelKind::SpanReader),
        ("fill_mask", kind.mask().is_some()),
    ];
    tasks.into_iter().filter(|(_, is_served)| *is_served).map(|(task, _)| task.to_owned()).collect()
}
