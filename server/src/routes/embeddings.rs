//! POST /v1/embeddings: the vectors of texts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use proto::{EmbeddingsRequest, EmbeddingsResponse};
use serde_json::json as object;

use super::{
    accept::{self, Arrived, arrive},
    read,
};
use crate::{
    answer::{
        self,
        embeddings::{self, EmbeddingsHead},
    },
    app::App,
    body::WholeBody,
    embed::{self, Embedded, Reading, Tokenized},
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    prepare::without_result,
    request,
    served_model::ServedModel,
};

/// Bytes that a number may take in an answer.
const BYTES_OF_NUMBER: usize = 14;

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
    let arrived = arrive(&app, request, |model, body| read::tokenized(&app, (model, body), take)).await?;
    let Arrived { model, work, clocked, made: tokenized } = arrived;
    let form = tokenized.request.form;
    let head = EmbeddingsHead {
        model: tokenized.request.model.clone(),
        prompt_tokens: tokenized.inputs.iter().map(|input| input.tokens.len()).sum(),
        timings: None,
    };
    let Tokenized { request, inputs } = tokenized;
    let reading = Reading { inputs, field: request.field, priority: request.priority };
    let embedded = embed::embed(&app, (model, work), reading, clocked).await?;
    let headers = embedded.timings.as_ref().map(answer::timing_headers);
    let bytes = embedded.vectors.len() * form.dimensions * BYTES_OF_NUMBER;
    let write = move || {
        let Embedded { vectors, timings, .. } = embedded;
        serde_json::to_vec(&embeddings::whole(EmbeddingsHead { timings, ..head }, form, vectors))
    };
    let body = app.pool.run(bytes, write).await.map_err(without_result)?.map_err(|_| ApiError::internal())?;
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((headers, [kind], body).into_response())
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<Tokenized, ApiError> {
    embed::tokenize(model, request::embeddings(json::parse(body)?, &model.rules)?)
}
