//! POST /v1/score: how well pairs of texts go together.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{ObjectName, PairScore, ScoreRequest};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read,
};
use crate::{
    app::App,
    body::WholeBody,
    clock::unix_seconds,
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
    let model = facts.model();
    let (up, others) = ("Up we go.", ["We rise.", "We sink."]);
    let examples = [
        ("one with each", object!({"model": model, "text_1": up, "text_2": others})),
        ("each with its own", object!({"model": model, "queries": [up, "Down we come."], "documents": others})),
    ];
    let endpoint = Endpoint::post("Score pairs of texts")
        .takes::<ScoreRequest>(facts, examples)
        .answers_listing::<PairScore>("A score for each pair, in their order.");
    accept::describe_work(endpoint)
}

/// One score for each pair, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (request, inputs) } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.reading.priority };
    let read = read::read(&app, (model, work), reading, clocked).await?;
    let score = |(index, score)| PairScore { index, object: ObjectName::Score, score };
    let data = pairs::scores(&request, &read.embedded.vectors).into_iter().enumerate().map(score).collect();
    Ok(read::list::<PairScore>("score-", (request.reading.model, created), data, &read))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(PairsRequest, Vec<Input>), ApiError> {
    let request = request::score(json::parse(body)?, &model.rules)?;
    let inputs = pairs::tokenize(model, &request)?;
    Ok((request, inputs))
}
