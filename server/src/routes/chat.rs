//! POST /v1/chat/completions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use proto::{ChatChunk, ChatRequest, ChatResponse};
use serde_json::{Value, json};

use super::accept::{Accepted, accept};
use crate::{
    answer::{self, Head, chat},
    app::App,
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    request::{self, GenerateRequest, RequestRules},
    sse,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let endpoint = Endpoint::post("Answer a chat")
        .takes::<ChatRequest>(facts, examples(facts))
        .answers::<ChatResponse>("The answer.")
        .or_streams::<ChatChunk>()
        .refuses(ApiError::of_chats());
    super::accept::describe(endpoint)
}

/// Requests that work.
pub(super) fn examples(facts: &Facts) -> Vec<(&'static str, Value)> {
    let chat = |members: Value| {
        let messages = json!([{"role": "user", "content": "How high is the upper station?"}]);
        let mut body = json!({"model": facts.model(), "messages": messages, "max_tokens": 16});
        body.as_object_mut().expect("it is an object").extend(members.as_object().cloned().unwrap_or_default());
        body
    };
    let schema = json!({"type": "object", "properties": {"cabins": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["cabins"]});
    let form = json!({"type": "json_schema", "json_schema": {"name": "lift", "schema": schema}});
    let tool = json!({"type": "function", "function": {"name": "lift_status", "parameters": schema}});
    vec![
        ("a question", chat(json!({}))),
        ("a stream", chat(json!({"stream": true, "stream_options": {"include_usage": true}}))),
        ("an answer in JSON", chat(json!({"response_format": form, "max_tokens": 32}))),
        ("a call of a tool", chat(json!({"tools": [tool], "tool_choice": "required", "max_tokens": 64}))),
        ("log-probabilities", chat(json!({"logprobs": true, "top_logprobs": 2, "max_tokens": 4, "temperature": 0}))),
    ]
}

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
