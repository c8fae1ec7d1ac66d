//! POST `/v1/chat/completions/input_tokens`: how long the prompt of a chat is.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{ChatRequest, InputTokens};

use super::{
    chat,
    text_job::{self, Made},
};
use crate::{
    app::App,
    error::ApiError,
    openapi::{Endpoint, Facts},
    prepare::encode,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    Endpoint::post("Count the tokens of a chat")
        .takes::<ChatRequest>(facts, chat::examples(facts))
        .answers::<InputTokens>("The count.")
        .refuses(ApiError::of_chats())
        .refuses(ApiError::of_settings())
}

/// The count, also of a prompt that is too long to run.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    text_job::respond(&app, request, count).await
}

fn count(body: &[u8], model: &ServedModel) -> Result<Made<InputTokens>, ApiError> {
    let mut request = chat::parse(body, &model.rules)?;
    let prompt = request.prompts.remove(0);
    let tokens = encode(model, prompt, model.calls_of(&request), request.add_special_tokens)?;
    Ok((InputTokens { input_tokens: tokens.len() }, request.ignored))
}
