//! POST /predict: the labels of texts and of pairs of texts, bare, as text-embeddings-inference answers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use engine::config::Labels;
use proto::{LabelScore, Predictions};
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
    json, labels,
    openapi::{Endpoint, Facts},
    request::{self, PredictRequest},
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let examples = [
        ("a text", object!({"inputs": "A fine day."})),
        ("a pair", object!({"inputs": ["Is it open?", "It is closed."], "raw_scores": true})),
        ("a list", object!({"inputs": [["A fine day."], ["Is it open?", "It is closed."]], "truncate": true})),
    ];
    let endpoint = Endpoint::post("Give labels to texts, in text-embeddings-inference's form")
        .takes::<proto::PredictRequest>(facts, examples)
        .answers::<Predictions>("The labels of each text or pair, the likeliest first.");
    accept::describe_work(endpoint)
}

/// The labels of each text or pair, the likeliest first.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (PredictRequest { labels: request, is_list }, inputs) } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.reading.priority };
    let Read { embedded, .. } = read::read(&app, (model, work), reading, clocked).await?;
    let each = embedded.vectors.iter().map(|scores| predicted(&request.head.labels, scores));
    let answer = if is_list { Predictions::Many(each.collect()) } else { Predictions::One(each.flatten().collect()) };
    Ok(read::answer(embedded.timings.as_ref(), &answer))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(PredictRequest, Vec<Input>), ApiError> {
    let request = request::predict(json::parse(body)?, &model.rules)?;
    let inputs = labels::tokenize(model, &request.labels)?;
    Ok((request, inputs))
}

/// Of equal labels the first stands first.
fn predicted(labels: &Labels, scores: &[f32]) -> Vec<LabelScore> {
    let told = labels::probabilities(scores, labels.scores);
    let label = |(name, score): (&String, f32)| LabelScore { score, label: name.clone() };
    let mut predicted: Vec<_> = labels.names.iter().zip(told).map(label).collect();
    predicted.sort_by(|a, b| b.score.total_cmp(&a.score));
    predicted
}
