//! POST /embed: the vectors of texts, bare, as text-embeddings-inference answers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{EmbedRequest, Vectors};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read::{self, Read},
};
use crate::{
    answer::embeddings,
    app::App,
    body::WholeBody,
    embed::{self, Reading, Tokenized},
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    request,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let examples = [
        ("a text", object!({"inputs": "Up we go."})),
        ("texts", object!({"inputs": ["Up we go.", "Down we come."], "normalize": false, "truncate": true})),
    ];
    let endpoint = Endpoint::post("Turn texts into vectors, in text-embeddings-inference's form")
        .takes::<EmbedRequest>(facts, examples)
        .answers::<Vectors>("A vector for each input, in their order.");
    accept::describe_work(endpoint)
}

/// One vector for each input, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: Tokenized { request, inputs } } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.priority };
    let Read { embedded, .. } = read::read(&app, (model, work), reading, clocked).await?;
    let form = request.form;
    let numbers = embedded.vectors.len() * form.dimensions;
    read::written(&app, embedded, numbers, move |vectors, _| embeddings::bare(form, vectors)).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<Tokenized, ApiError> {
    embed::tokenize(model, request::embed(json::parse(body)?, &model.rules)?)
}
