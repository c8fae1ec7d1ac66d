//! POST /v1/rerank: texts in order of how well they answer a query, in the form of the request.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{
    DocumentText, EmbeddingUsage, RankedText, RerankAnswer, RerankRequest, RerankResponse, RerankResult, Text, Timings,
};
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
    request::{self, RankForm, RankRequest},
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
        (
            "texts, for a bare list",
            object!({"query": query, "texts": documents, "return_text": true, "truncate": true}),
        ),
    ];
    let endpoint = Endpoint::post("Rank texts by how well they answer a query")
        .takes::<RerankRequest>(facts, examples)
        .answers::<RerankAnswer>("The texts, the best first; asked for `texts`, a bare list.");
    accept::describe_work(endpoint)
}

/// The texts, the best first.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (request, inputs) } = arrived;
    let reading = Reading { inputs, field: request.pairs.field, priority: request.pairs.reading.priority };
    let Read { embedded, usage } = read::read(&app, (model, work), reading, clocked).await?;
    let scores = pairs::scores(&request.pairs, &embedded.vectors);
    let answer = match request.form {
        RankForm::Results => RerankAnswer::Documents(documents(request, &scores, usage, embedded.timings.clone())),
        RankForm::List => RerankAnswer::Texts(texts(&request, &scores)),
    };
    Ok(read::answer(embedded.timings.as_ref(), &answer))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(RankRequest, Vec<Input>), ApiError> {
    let request = request::rank(json::parse(body)?, &model.rules)?;
    let inputs = pairs::tokenize(model, &request.pairs)?;
    Ok((request, inputs))
}

/// Places, scores and texts as they are told. Of equal scores the first stands first.
fn ranked(request: &RankRequest, scores: &[f32]) -> impl Iterator<Item = (usize, f32, Option<Text>)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(request.top.unwrap_or(usize::MAX));
    let text = move |index: usize| request.with_texts.then(|| request.pairs.seconds[index].as_str().into());
    order.into_iter().map(move |index| (index, scores[index], text(index)))
}

fn documents(request: RankRequest, scores: &[f32], usage: EmbeddingUsage, timings: Option<Timings>) -> RerankResponse {
    let result = |(index, relevance_score, text): (usize, f32, Option<Text>)| RerankResult {
        index,
        relevance_score,
        document: text.map(|text| DocumentText { text }),
    };
    let results = ranked(&request, scores).map(result).collect();
    RerankResponse { id: random_id("rerank-"), model: request.pairs.reading.model, results, usage, timings }
}

fn texts(request: &RankRequest, scores: &[f32]) -> Vec<RankedText> {
    ranked(request, scores).map(|(index, score, text)| RankedText { index, score, text }).collect()
}
