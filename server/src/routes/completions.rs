//! POST /v1/completions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use proto::{CompletionChunk, CompletionRequest, CompletionResponse};
use serde_json::{Value, json};

use super::accept::{Accepted, accept};
use crate::{
    answer::{self, Head, completion},
    app::App,
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    request::{self, GenerateRequest, RequestRules},
    sse,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let endpoint = Endpoint::post("Continue one or several prompts")
        .takes::<CompletionRequest>(facts, examples(facts))
        .answers::<CompletionResponse>("The continuations.")
        .or_streams::<CompletionChunk>();
    super::accept::describe(endpoint)
}

/// Requests that work.
pub(super) fn examples(facts: &Facts) -> Vec<(&'static str, Value)> {
    let model = facts.model();
    vec![
        ("a prompt", json!({"model": model, "prompt": "The cabin left the valley and", "max_tokens": 16})),
        ("several prompts", json!({"model": model, "prompt": ["Up", "Down"], "n": 2, "max_tokens": 4, "seed": 7})),
        (
            "one of some answers",
            json!({"model": model, "prompt": "Open?", "structured_outputs": {"choice": ["yes", "no"]}}),
        ),
    ]
}

/// Answers a completion, whole or as a stream.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let Accepted { prepared, mut generation, created } = accept(&app, request, parse).await?;
    let head = Head::new("cmpl-", &prepared, generation.model(), created);
    let response = if let Some(rules) = prepared.request.stream.clone() {
        let events = completion::CompletionEvents::new(head, rules, &prepared, &generation);
        sse::respond(generation, events).await?
    } else {
        let choices = answer::likeliest(answer::collect(&mut generation).await?, &prepared.request);
        let headers = generation.timings().as_ref().map(answer::timing_headers);
        (headers, Json(completion::whole(head, &prepared, &generation, choices))).into_response()
    };
    Ok(answer::with_ignored(response, &prepared.request.ignored))
}

/// Reads a body.
pub(super) fn parse(body: &[u8], rules: &RequestRules) -> Result<GenerateRequest, ApiError> {
    request::completion(json::parse(body)?, rules)
}
