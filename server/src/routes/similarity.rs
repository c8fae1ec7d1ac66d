//! POST /similarity: how near texts are to one text, as text-embeddings-inference answers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{Similarities, SimilarityRequest};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read::{self, Read},
};
use crate::{
    app::App,
    body::WholeBody,
    embed::{Input, Reading},
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    pairs,
    request::{self, PairsRequest},
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let inputs = object!({"source_sentence": "Up we go.", "sentences": ["We rise.", "We sink."]});
    let examples = [
        ("texts", object!({"inputs": inputs})),
        ("texts that may be cut", object!({"inputs": inputs, "parameters": {"truncate": true}})),
    ];
    let endpoint = Endpoint::post("Compare texts with one, in text-embeddings-inference's form")
        .takes::<SimilarityRequest>(facts, examples)
        .answers::<Similarities>("The cosine of each text's angle to the one, in their order.");
    accept::describe_work(endpoint)
}

/// The cosine of each text's angle to the one, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (request, inputs) } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.reading.priority };
    let Read { embedded, .. } = read::read(&app, (model, work), reading, clocked).await?;
    let answer = Similarities(pairs::scores(&request, &embedded.vectors));
    Ok(read::answer(embedded.timings.as_ref(), &answer))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(PairsRequest, Vec<Input>), ApiError> {
    let request = request::similarity(json::parse(body)?, &model.rules)?;
    let inputs = pairs::tokenize(model, &request)?;
    Ok((request, inputs))
}
