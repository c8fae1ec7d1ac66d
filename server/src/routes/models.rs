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
    openapi::{Endpoint, Facts},
    served_model::ServedModel,
};

/// What it answers.
pub fn describe_list(_: &Facts) -> Endpoint {
    Endpoint::get("List the models")
        .answers::<ModelList>("The names that requests may use.")
        .refuses(ApiError::of_model())
}

/// What it answers.
pub fn describe_one(facts: &Facts) -> Endpoint {
    Endpoint::get("Describe a model")
        .in_path::<ModelName>("id", "Its name, which may hold slashes.")
        .answers::<Model>("The model.")
        .refuses(ApiError::of_model())
        .refuses([ApiError::model_not_found(&format!("not-{}", facts.model()))])
}

/// All names.
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<ModelList>, ApiError> {
    let model = app.model()?;
    let data = model.names.iter().map(|name| describe(&app, model, name)).collect();
    Ok(Json(ModelList { object: ObjectName::List, data }))
}

/// One name; it may hold slashes, raw or as `%2F`.
pub async fn one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, ApiError> {
    let model = app.model()?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let name = model.names.iter().find(|name| **name == id).ok_or_else(|| ApiError::model_not_found(&id))?;
    Ok(Json(describe(&app, model, name)))
}

fn describe(app: &App, model: &ServedModel, name: &str) -> Model {
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
    let tasks = tasks.into_iter().filter(|(_, is_served)| *is_served).map(|(task, _)| task);
    Model {
        id: name.to_owned(),
        object: ObjectName::Model,
        created: app.created,
        owned_by: "gondola".to_owned(),
        root: Some(model.root.clone()),
        parent: None,
        max_model_len: Some(model.limits.max_model_len),
        kind: Some(model.rules.kind.name().to_owned()),
        tasks: tasks.map(str::to_owned).collect(),
    }
}
