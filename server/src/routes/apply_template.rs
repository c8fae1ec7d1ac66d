//! POST /apply-template: a chat as its template writes it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{ChatRequest, PromptText};

use super::{
    chat,
    text_job::{self, Made},
};
use crate::{
    app::App,
    error::ApiError,
    openapi::{Endpoint, Facts},
    prepare::render,
    request::Prompt,
    served_model::ServedModel,
    tokenizer::Piece,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    Endpoint::post("Write a chat as the model's template does")
        .takes::<ChatRequest>(facts, chat::examples(facts))
        .answers::<PromptText>("The prompt's text.")
        .refuses(ApiError::of_chats())
        .refuses(ApiError::of_settings())
}

/// The prompt's text.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    text_job::respond(&app, request, apply).await
}

fn apply(body: &[u8], model: &ServedModel) -> Result<Made<PromptText>, ApiError> {
    let request = chat::parse(body, &model.rules)?;
    let [Prompt::Chat(prompt)] = request.prompts.as_slice() else { return Err(ApiError::internal()) };
    let pieces = render(model, prompt, model.calls_of(&request))?;
    Ok((PromptText { prompt: pieces.iter().map(Piece::text).collect::<String>().into() }, request.ignored))
}
