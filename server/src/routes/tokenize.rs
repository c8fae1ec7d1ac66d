//! POST /tokenize and /v1/tokenize: the tokens that a generation would start from.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{TokenizeRequest, TokenizeResponse};
use serde_json::json as object;

use super::text_job::{self, Made};
use crate::{
    app::App,
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    prepare::encode,
    request,
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let examples = [
        ("a text", object!({"model": model, "prompt": "Up we go.", "return_token_strs": true})),
        ("a chat", object!({"model": model, "messages": [{"role": "user", "content": "Up?"}]})),
    ];
    Endpoint::post("Turn a text or a chat into tokens")
        .takes::<TokenizeRequest>(facts, examples)
        .answers::<TokenizeResponse>("The tokens that a generation would start from.")
        .refuses(ApiError::of_chats())
}

/// The tokens of a text or a chat, however many.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    text_job::respond(&app, request, tokenize).await
}

fn tokenize(body: &[u8], model: &ServedModel) -> Result<Made<TokenizeResponse>, ApiError> {
    let wanted = request::tokenize(json::parse(body)?, &model.rules)?;
    let tokens = encode(model, wanted.prompt, model.rules.calls, wanted.add_special_tokens)?;
    let texts = || tokens.iter().map(|token| model.tokenizer.token_text(*token).into()).collect();
    let answer = TokenizeResponse {
        count: tokens.len(),
        max_model_len: model.limits.max_model_len,
        token_strs: wanted.texts.then(texts),
        tokens,
    };
    Ok((answer, wanted.ignored))
}
