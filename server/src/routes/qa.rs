//! POST /v1/qa: answers to a question out of texts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::TextAnswers;
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read,
};
use crate::{
    app::App,
    best_spans::{PieceScores, answers},
    body::WholeBody,
    clock::unix_seconds,
    embed::{Input, Reading},
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    placed_text::{PieceReader, PlacedText},
    prepare::not_tokenised,
    request::{self, QA_FIELD, QA_QUESTION, QaRequest},
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let (question, text) = ("Who lives in Vienna?", "Anna lives in Vienna, and Jan in Graz.");
    let examples = [
        ("a text", object!({"model": model, "question": question, "context": text})),
        ("texts", object!({"model": model, "question": question, "context": [text, "Up we go."], "top_k": 3})),
        ("a long text", object!({"model": model, "question": question, "context": text, "stride": 4})),
    ];
    let endpoint = Endpoint::post("Find the answer to a question in texts")
        .takes::<proto::QaRequest>(facts, examples)
        .answers_listing::<TextAnswers>("What each text answers, with places in characters.");
    accept::describe_work(endpoint)
}

/// A question and texts as they are read.
struct Asked {
    request: QaRequest,
    texts: Vec<PlacedText>,
    /// One for each piece of each text.
    inputs: Vec<Input>,
}

/// What each text answers.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: Asked { request, texts, inputs } } = arrived;
    let begins: Vec<_> = inputs.iter().map(|input| input.second.unwrap_or_default()).collect();
    let opens = model.tokenizer.pair().opens();
    let reading = Reading { inputs, field: QA_FIELD, priority: request.reading.priority };
    let read = read::read(&app, (model, work), reading, clocked).await?;
    let spans = request.spans;
    let told = move |vectors: Vec<Vec<f32>>| {
        let mut pieces = vectors.iter().zip(begins).map(|(scores, begins)| PieceScores {
            scores,
            begins,
            nowhere: if opens { 0 } else { scores.len() / 2 - 1 },
        });
        let of_text = |text: (usize, &PlacedText)| answers(text, pieces.by_ref().take(text.1.windows.len()), spans);
        texts.iter().enumerate().map(of_text).collect()
    };
    read::listed(&app, ("qa-", request.reading.model, created), read, told).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<Asked, ApiError> {
    let mut request = request::qa(json::parse(body)?, &model.rules)?;
    let question = model.tokenizer.encode_placed(&request.question, &[]);
    let question = question.map_err(|error| not_tokenised(QA_QUESTION, &error))?;
    let question: Vec<_> = question.iter().map(|placed| placed.token).collect();
    let around = model.tokenizer.pair().len() + question.len();
    let mut reader = PieceReader::new(model, (QA_FIELD, around), request.reading.cut, request.stride);
    let (mut texts, mut inputs) = (Vec::new(), Vec::new());
    for context in std::mem::take(&mut request.contexts) {
        let text = reader.read(context, &[])?;
        inputs.extend(text.windows.iter().map(|window| {
            let (tokens, begins) = model.tokenizer.pair().join(&question, &text.piece(window));
            Input { second: Some(begins), ..Input::of(tokens) }
        }));
        texts.push(text);
    }
    Ok(Asked { request, texts, inputs })
}
