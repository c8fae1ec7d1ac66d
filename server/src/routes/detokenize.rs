//! POST /detokenize and /v1/detokenize: the text of tokens, special ones included.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::PromptText;

use super::text_job::{self, Made};
use crate::{app::App, error::ApiError, json, request, served_model::ServedModel};

/// The text of tokens.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    text_job::respond(&app, request, detokenize).await
}

fn detokenize(body: &[u8], model: &ServedModel) -> Result<Made<PromptText>, ApiError> {
    let tokens = request::detokenize(&json::parse(body)?, &model.rules)?;
    Ok((PromptText { prompt: model.tokenizer.decode(&tokens, false).into() }, Vec::new()))
}
