//! POST /detokenize and /v1/detokenize: the text of tokens, special ones included.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{DetokenizeRequest, PromptText};
use serde_json::json as object;

use super::text_job::{self, Made};
use crate::{
    app::App,
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    request,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    Endpoint::post("Turn tokens into text")
        .takes::<DetokenizeRequest>(facts, [("tokens", object!({"model": facts.model(), "tokens": [40, 41, 42]}))])
        .answers::<PromptText>("The text, special tokens included.")
}

/// The text of tokens.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    text_job::respond(&app, request, detokenize).await
}

fn detokenize(body: &[u8], model: &ServedModel) -> Result<Made<PromptText>, ApiError> {
    let tokens = request::detokenize(&json::parse(body)?, &model.rules)?;
    Ok((PromptText { prompt: model.tokenizer.decode(&tokens, false).into() }, Vec::new()))
}
