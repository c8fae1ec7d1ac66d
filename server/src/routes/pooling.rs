//! POST /pooling: what the model makes of texts, vectors or probabilities of labels, as vLLM answers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use engine::config::LabelScores;
use proto::{Listing, ObjectName, Pooled, PoolingRequest};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read::{self, Read},
};
use crate::{
    answer::embeddings,
    app::App,
    body::WholeBody,
    clock::unix_seconds,
    embed::{self, Reading, Tokenized},
    error::ApiError,
    json,
    labels::probabilities,
    openapi::{Endpoint, Facts},
    request::{self, PoolRequest},
    request_id::random_id,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let texts = ["Up we go.", "Down we come."];
    let examples = [
        ("the model's own task", object!({"model": model, "input": texts})),
        ("vectors", object!({"model": model, "input": "Up?", "task": "embed", "encoding_format": "base64"})),
    ];
    let endpoint = Endpoint::post("Tell what the model makes of texts or a chat: vectors or probabilities of labels")
        .takes::<PoolingRequest>(facts, examples)
        .answers_listing::<Pooled>("The numbers of each input, in their order.")
        .refuses(ApiError::of_chats());
    accept::describe_work(endpoint)
}

/// The numbers of each input, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (labels, Tokenized { request, inputs }) } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.priority };
    let Read { embedded, usage } = read::read(&app, (model, work), reading, clocked).await?;
    let (id, object, model, form) = (random_id("pool-"), ObjectName::List, request.model, request.form);
    let numbers = embedded.vectors.len() * form.dimensions;
    let answer = move |vectors: Vec<Vec<f32>>, timings| {
        let told = |vector: Vec<f32>| match labels {
            Some(how) => probabilities(&vector, how),
            None => vector,
        };
        let data = embeddings::pooled(form, vectors.into_iter().map(told));
        Listing { id, object, created, model, data, usage, timings }
    };
    read::written(&app, embedded, numbers, answer).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(Option<LabelScores>, Tokenized), ApiError> {
    let PoolRequest { embed, labels } = request::pooling(json::parse(body)?, &model.rules)?;
    Ok((labels, embed::tokenize(model, embed)?))
}
