//! POST /v1/rerank: documents in order of how well they answer a query.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{DocumentText, RerankRequest, RerankResponse, RerankResult};
use serde_json::json as object;

use super::{
    accept::{self, Arrived, arrive},
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
    request::{self, RankRequest},
    request_id::random_id,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let documents = ["The upper station stands at 2,140 m.", "Tickets are sold in the valley."];
    let query = "How high is the upper station?";
    let objects = documents.map(|text| object!({"text": text}));
    let examples = [
        ("texts", object!({"model": model, "query": query, "documents": documents})),
        (
            "the best",
            object!({"model": model, "query": query, "documents": objects, "top_n": 1, "return_documents": true}),
        ),
    ];
    let endpoint = Endpoint::post("Rank documents by how well they answer a query")
        .takes::<RerankRequest>(facts, examples)
        .answers::<RerankResponse>("The documents, the best first.");
    accept::describe_work(endpoint)
}

/// The documents, the best first.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = arrive(&app, request, |model, body| read::tokenized(&app, (model, body), take)).await?;
    let Arrived { model, work, clocked, made: (request, inputs) } = arrived;
    let reading = Reading { inputs, field: request.pairs.field, priority: request.pairs.reading.priority };
    let Read { embedded, usage } = read::read(&app, (model, work), reading, clocked).await?;
    let results = ranked(&request, &pairs::scores(&request.pairs, &embedded.vectors));
    let model = request.pairs.reading.model;
    let answer = RerankResponse { id: random_id("rerank-"), model, results, usage, timings: embedded.timings.clone() };
    Ok(read::answer(answer.timings.as_ref(), &answer))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(RankRequest, Vec<Input>), ApiError> {
    let request = request::rank(json::parse(body)?, &model.rules)?;
    let inputs = pairs::tokenize(model, &request.pairs)?;
    Ok((request, inputs))
}

/// Of equal scores the first stands first.
fn ranked(request: &RankRequest, scores: &[f32]) -> Vec<RerankResult> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(request.top.unwrap_or(usize::MAX));
    let text = |index: usize| DocumentText { text: request.pairs.seconds[index].as_str().into() };
    let result = |index: usize| RerankResult {
        index,
        relevance_score: scores[index],
        document: request.with_texts.then(|| text(index)),
    };
    order.into_iter().map(result).collect()
}
