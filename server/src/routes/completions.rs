//! POST /v1/completions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};

use super::accept::{Accepted, accept};
use crate::{
    answer::{self, Head, completion},
    app::App,
    error::ApiError,
    json,
    request::{self, GenerateRequest, RequestRules},
    sse,
};

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
