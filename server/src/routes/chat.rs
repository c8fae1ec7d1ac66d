//! POST /v1/chat/completions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};

use super::accept::{Accepted, accept};
use crate::{
    answer::{self, Head, chat},
    app::App,
    error::ApiError,
    json,
    request::{self, GenerateRequest, RequestRules},
    sse,
};

/// Answers a chat, whole or as a stream.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let Accepted { prepared, mut generation, created } = accept(&app, request, parse).await?;
    let head = Head::new("chatcmpl-", &prepared, generation.model(), created);
    let response = if let Some(rules) = prepared.request.stream.clone() {
        let events = chat::ChatEvents::new(head, rules, &prepared, &generation);
        sse::respond(generation, events).await?
    } else {
        let choices = answer::collect(&mut generation).await?;
        let headers = generation.timings().as_ref().map(answer::timing_headers);
        (headers, Json(chat::whole(head, &prepared, &generation, choices))).into_response()
    };
    Ok(answer::with_ignored(response, &prepared.request.ignored))
}

/// Reads a body.
pub(super) fn parse(body: &[u8], rules: &RequestRules) -> Result<GenerateRequest, ApiError> {
    request::chat(json::parse(body)?, rules)
}
