//! POST /detokenize and /v1/detokenize: the text of tokens, special ones included.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use proto::DetokenizeResponse;

use super::text_job;
use crate::{app::App, error::ApiError, json, request, served_model::ServedModel};

/// The text of tokens.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Json<DetokenizeResponse>, ApiError> {
    text_job::run(&app, request, detokenize).await.map(Json)
}

fn detokenize(body: &[u8], model: &ServedModel) -> Result<DetokenizeResponse, ApiError> {
    let tokens = request::detokenize(json::parse(body)?, &model.rules)?;
    Ok(DetokenizeResponse { prompt: model.tokenizer.decode(&tokens, false).into() })
}
