//! POST /v1/ner: the names in texts.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::TextEntities;
use serde_json::json as object;

use super::{
    accept::{self, Arrived},
    read,
};
use crate::{
    app::App,
    body::WholeBody,
    clock::unix_seconds,
    embed::{Input, Reading},
    entities::entities,
    error::ApiError,
    json,
    openapi::{Endpoint, Facts},
    placed_text::{PieceReader, PlacedText},
    request::{self, NER_FIELD, NerRequest},
    served_model::ServedModel,
};

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let text = "Anna Berger lives in Vienna.";
    let examples = [
        ("a text", object!({"model": model, "input": text})),
        ("texts, word by word", object!({"model": model, "input": [text, "Up we go."], "aggregation": "first"})),
        ("a long text", object!({"model": model, "input": text, "stride": 4})),
    ];
    let endpoint = Endpoint::post("Find names in texts")
        .takes::<proto::NerRequest>(facts, examples)
        .answers_listing::<TextEntities>("The names in each text, with their places in characters.");
    accept::describe_work(endpoint)
}

/// The names in each text.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (request, texts) } = arrived;
    let labels = model.rules.kind.token_labels().map(<[String]>::to_vec).ok_or_else(ApiError::internal)?;
    let before = model.tokenizer.opening().len();
    let inputs = texts.iter().flat_map(|text| inputs(&model, text)).collect();
    let reading = Reading { inputs, field: NER_FIELD, priority: request.reading.priority };
    let read = read::read(&app, (model, work), reading, clocked).await?;
    let aggregation = request.aggregation;
    let told = move |vectors: Vec<Vec<f32>>| {
        let mut pieces = vectors.iter().map(Vec::as_slice);
        let of_text = |(index, text): (usize, &PlacedText)| {
            let pieces = pieces.by_ref().take(text.windows.len());
            let probabilities = text.probabilities(pieces, (before, labels.len()));
            TextEntities { index, entities: entities(text, &probabilities, &labels, aggregation) }
        };
        texts.iter().enumerate().map(of_text).collect()
    };
    read::listed(&app, ("ner-", request.reading.model, created), read, told).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(NerRequest, Vec<PlacedText>), ApiError> {
    let mut request = request::ner(json::parse(body)?, &model.rules)?;
    let around = model.tokenizer.framed(&[]).len();
    let mut reader = PieceReader::new(model, (NER_FIELD, around), request.reading.cut, request.stride);
    let texts = std::mem::take(&mut request.texts).into_iter();
    Ok((request, texts.map(|text| reader.read(text, &[])).collect::<Result<_, _>>()?))
}

/// One for each piece of a text.
fn inputs(model: &ServedModel, text: &PlacedText) -> Vec<Input> {
    let piece = |window| Input::of(model.tokenizer.framed(&text.piece(window)));
    text.windows.iter().map(piece).collect()
}
