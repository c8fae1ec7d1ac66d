//! POST /v1/embeddings: the vectors of texts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{EmbeddingsRequest, EmbeddingsResponse};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read::{self, Read},
};
use crate::{
    answer::embeddings::{self, EmbeddingsHead},
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
    let model = facts.model();
    let examples = [
        ("texts", object!({"model": model, "input": ["Up we go.", "Down we come."], "encoding_format": "float"})),
        ("a text as tokens, in base64", object!({"model": model, "input": [3, 1, 4], "encoding_format": "base64"})),
        ("a chat", object!({"model": model, "messages": [{"role": "user", "content": "Up?"}]})),
    ];
    let endpoint = Endpoint::post("Turn texts or a chat into vectors")
        .takes::<EmbeddingsRequest>(facts, examples)
        .answers::<EmbeddingsResponse>("A vector for each input, in their order.")
        .refuses(ApiError::of_chats());
    accept::describe_work(endpoint)
}

/// One vector for each input, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: Tokenized { request, inputs } } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.priority };
    let Read { embedded, usage } = read::read(&app, (model, work), reading, clocked).await?;
    let (model, form) = (request.model, request.form);
    let numbers = embedded.vectors.len() * form.dimensions;
    let answer = move |vectors, timings| embeddings::whole(EmbeddingsHead { model, usage, timings }, form, vectors);
    read::written(&app, embedded, numbers, answer).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<Tokenized, ApiError> {
    embed::tokenize(model, request::embeddings(json::parse(body)?, &model.rules)?)
}
