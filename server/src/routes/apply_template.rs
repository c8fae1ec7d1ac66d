//! POST /apply-template: a chat as its template writes it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use proto::AppliedTemplate;

use super::{chat, text_job};
use crate::{app::App, error::ApiError, prepare::render, request::Prompt, served_model::ServedModel, tokenizer::Piece};

/// The prompt's text.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Json<AppliedTemplate>, ApiError> {
    text_job::run(&app, request, apply).await.map(Json)
}

fn apply(body: &[u8], model: &ServedModel) -> Result<AppliedTemplate, ApiError> {
    let request = chat::parse(body, &model.rules)?;
    let [Prompt::Chat(prompt)] = request.prompts.as_slice() else { return Err(ApiError::internal()) };
    let pieces = render(model, prompt, request.calls().unwrap_or(model.rules.calls))?;
    Ok(AppliedTemplate { prompt: pieces.iter().map(Piece::text).collect::<String>().into() })
}
