//! POST /pooling: what the model makes of texts or of their tokens, vectors or probabilities of labels, as vLLM answers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use engine::config::LabelScores;
use proto::{Listing, ObjectName, Pooled, PoolingRequest};
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read::{self, Read},
};
use crate::{
    answer::pooling,
    app::App,
    body::WholeBody,
    clock::unix_seconds,
    embed::{self, Reading, Tokenized},
    error::ApiError,
    json,
    labels::probabilities,
    openapi::{Endpoint, Facts},
    request::{self, PoolRequest},
    request_id::random_id,
    served_model::ServedModel,
};

/// Numbers that the tokens of one request may have: about 50 megabytes of JSON.
const MAX_TOKEN_NUMBERS: usize = 1 << 22;

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let texts = ["Up we go.", "Down we come."];
    let examples = [
        ("the model's own task", object!({"model": model, "input": texts})),
        ("vectors", object!({"model": model, "input": "Up?", "task": "embed", "encoding_format": "base64"})),
    ];
    let endpoint = Endpoint::post("Tell what the model makes of texts or a chat: vectors or probabilities of labels")
        .takes::<PoolingRequest>(facts, examples)
        .answers_listing::<Pooled>("The numbers of each input or of each of its tokens, in their order.")
        .refuses(ApiError::of_chats());
    accept::describe_work(endpoint)
}

/// The numbers of each input, in their order.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: Pooling { labels, each_token, texts } } = arrived;
    let Tokenized { request, inputs } = texts;
    let reading = Reading { inputs, field: request.field, priority: request.priority };
    let Read { embedded, usage } = read::read(&app, (model, work), reading, clocked).await?;
    let (id, object, model, form) = (random_id("pool-"), ObjectName::List, request.model, request.form);
    let numbers = embedded.vectors.iter().map(Vec::len).sum();
    let answer = move |vectors: Vec<Vec<f32>>, timings| {
        let told = |vector: &[f32]| labels.map_or_else(|| vector.to_vec(), |how| probabilities(vector, how));
        let data = if each_token {
            let tokens = |states: &Vec<f32>| states.chunks_exact(form.dimensions).map(told).collect::<Vec<_>>();
            pooling::of_tokens(form, vectors.iter().map(tokens))
        } else {
            pooling::of_texts(form, vectors.iter().map(|vector| told(vector)))
        };
        Listing { id, object, created, model, data, usage, timings }
    };
    read::written(&app, embedded, numbers, answer).await
}

/// A request whose texts are tokens.
#[derive(Debug)]
struct Pooling {
    labels: Option<LabelScores>,
    each_token: bool,
    texts: Tokenized,
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<Pooling, ApiError> {
    let PoolRequest { embed, labels, each_token } = request::pooling(json::parse(body)?, &model.rules)?;
    let mut texts = embed::tokenize(model, embed)?;
    if each_token {
        check_tokens(&texts)?;
        texts.inputs.iter_mut().for_each(|input| input.each_token = true);
    }
    Ok(Pooling { labels, each_token, texts })
}

/// Fails where the tokens of all texts have more numbers than an answer holds.
fn check_tokens(Tokenized { request, inputs }: &Tokenized) -> Result<(), ApiError> {
    let tokens: usize = inputs.iter().map(|input| input.tokens.len()).sum();
    let each = request.form.dimensions;
    if tokens.saturating_mul(each) > MAX_TOKEN_NUMBERS {
        let says =
            format_args!("has {tokens} tokens with {each} numbers each, limit {MAX_TOKEN_NUMBERS} numbers in all");
        return Err(ApiError::invalid_value(request.field, says));
    }
    Ok(())
}
