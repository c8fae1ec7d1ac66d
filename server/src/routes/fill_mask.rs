//! POST /v1/fill-mask: the words that masks in texts stand for.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use engine::MAX_ASKED;
use proto::TextMasks;
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
    error::ApiError,
    json,
    masks::{MaskedText, filled},
    model_kind::Mask,
    openapi::{Endpoint, Facts},
    placed_text::PieceReader,
    request::{self, FILL_MASK_FIELD, FillMaskRequest},
    served_model::ServedModel,
    tokenizer::Tokenizer,
};

/// Most masks of a request: each is scored with the whole vocabulary until the answer is made.
const MAX_MASKS: usize = 64;

/// What it takes and answers.
pub fn describe(facts: &Facts) -> Endpoint {
    let model = facts.model();
    let text = format!("The sky is {}.", facts.mask());
    let examples = [
        ("a text", object!({"model": model, "input": text})),
        ("texts", object!({"model": model, "input": [text, text], "top_k": 2})),
    ];
    let endpoint = Endpoint::post("Tell the words that masks stand for")
        .takes::<proto::FillMaskRequest>(facts, examples)
        .answers_listing::<TextMasks>("Candidates for each mask of each text, the likeliest first.");
    accept::describe_work(endpoint)
}

/// Candidates for each mask of each text.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = read::arrive(&app, request, take).await?;
    let Arrived { model, work, clocked, made: (request, texts) } = arrived;
    let tokenizer = Arc::clone(&model.tokenizer);
    let inputs = texts.iter().map(|text| input(&tokenizer, text)).collect();
    let reading = Reading { inputs, field: FILL_MASK_FIELD, priority: request.reading.priority };
    let read = read::read(&app, (model, work), reading, clocked).await?;
    let candidates = request.candidates;
    let told = move |vectors: Vec<Vec<f32>>| {
        let of_text = |(text, scores): ((usize, &MaskedText), &Vec<f32>)| filled(&tokenizer, text, scores, candidates);
        texts.iter().enumerate().zip(&vectors).map(of_text).collect()
    };
    read::listed(&app, ("fill-mask-", request.reading.model, created), read, told).await
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(FillMaskRequest, Vec<MaskedText>), ApiError> {
    let mut request = request::fill_mask(json::parse(body)?, &model.rules)?;
    let texts = std::mem::take(&mut request.texts);
    let texts: Vec<_> = texts.into_iter().map(|text| masked(model, &request, text)).collect::<Result<_, _>>()?;
    let masks: usize = texts.iter().map(|text| text.masks.len()).sum();
    if masks > MAX_MASKS {
        let says = format_args!("has {masks} masks in all, of which {MAX_MASKS} are told at most");
        return Err(ApiError::invalid_value(FILL_MASK_FIELD, says));
    }
    Ok((request, texts))
}

fn masked(model: &ServedModel, request: &FillMaskRequest, text: String) -> Result<MaskedText, ApiError> {
    let around = model.tokenizer.framed(&[]).len();
    let Mask { token, text: mask } = &request.mask;
    let scaffold: Vec<_> = text.match_indices(mask.as_str()).map(|(at, found)| at..at + found.len()).collect();
    let mut reader = PieceReader::new(model, (FILL_MASK_FIELD, around), request.reading.cut, None);
    let text = reader.read(text, &scaffold)?;
    let places = text.tokens.iter().enumerate().filter(|(_, placed)| placed.token == *token);
    let masks: Vec<_> = places.map(|(place, _)| place).collect();
    if (1..=MAX_ASKED).contains(&masks.len()) {
        return Ok(MaskedText { text, masks });
    }
    let says = format_args!("has a text with {} masks ({mask}), not 1 to {MAX_ASKED}", masks.len());
    Err(ApiError::invalid_value(FILL_MASK_FIELD, says))
}

fn input(tokenizer: &Tokenizer, MaskedText { text, masks }: &MaskedText) -> Input {
    let tokens: Vec<_> = text.tokens.iter().map(|placed| placed.token).collect();
    let asked = masks.iter().map(|place| tokenizer.opening().len() + place).collect();
    Input { asked, ..Input::of(tokenizer.framed(&tokens)) }
}
