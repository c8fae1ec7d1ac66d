//! POST /v1/classify: the labels of texts and of pairs of texts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use engine::config::Labels;
use proto::Classified;
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
    json, labels,
    openapi::{Endpoint, Facts},
    request::{self, ClassifyRequest, RequestRules},
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let pair = object!({"text": "Is it open?", "text_pair": "It is closed."});
    let examples = [
        ("a text", object!({"model": model, "input": "A fine day."})),
        ("texts and pairs", object!({"model": model, "input": ["A fine day.", pair]})),
    ];
    let endpoint = Endpoint::post("Give labels to texts")
        .takes::<proto::ClassifyRequest>(facts, examples)
        .answers_listing::<Classified>("The labels of each text or pair, in their order.");
    accept::describe_work(endpoint)
}

/// The labels of each text or pair, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    answer(&app, request, request::classify).await
}

/// The same by the model's sentiment head.
pub async fn sentiment(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    answer(&app, request, request::sentiment).await
}

type Take = fn(proto::ClassifyRequest, &RequestRules) -> Result<ClassifyRequest, ApiError>;

async fn answer(app: &App, request: Request, take: Take) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let tokenized = move |body: &WholeBody, model: &ServedModel| -> Result<(ClassifyRequest, Vec<Input>), ApiError> {
        let request = take(json::parse(body)?, &model.rules)?;
        let inputs = labels::tokenize(model, &request)?;
        Ok((request, inputs))
    };
    let arrived = read::arrive(app, request, tokenized).await?;
    let Arrived { model, work, clocked, made: (request, inputs) } = arrived;
    let reading = Reading { inputs, field: request.field, priority: request.reading.priority };
    let read = read::read(app, (model, work), reading, clocked).await?;
    let texts = read.embedded.vectors.iter().enumerate();
    let data = texts
        .map(|(index, scores)| classified(&request.head.labels, index, &scores[request.head.scores.clone()]))
        .collect::<Vec<_>>();
    Ok(read::list("classify-", (request.reading.model, created), data, &read))
}

fn classified(labels: &Labels, index: usize, scores: &[f32]) -> Classified {
    let probs = labels::probabilities(scores, labels.scores);
    let (best, _) = labels::likeliest(scores);
    Classified { index, label: labels.names[best].clone(), probs, num_classes: scores.len() }
}
