//! POST `/v1/chat/completions/input_tokens`: how long the prompt of a chat is.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use proto::InputTokens;

use super::{chat, text_job};
use crate::{app::App, error::ApiError, prepare::encode, served_model::ServedModel};

/// The count, also of a prompt that is too long to run.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Json<InputTokens>, ApiError> {
    text_job::run(&app, request, count).await.map(Json)
}

fn count(body: &[u8], model: &ServedModel) -> Result<InputTokens, ApiError> {
    let mut request = chat::parse(body, &model.rules)?;
    let calls = request.calls().unwrap_or(model.rules.calls);
    let tokens = encode(model, request.prompts.remove(0), calls, request.add_special_tokens)?;
    Ok(InputTokens { input_tokens: tokens.len() })
}
