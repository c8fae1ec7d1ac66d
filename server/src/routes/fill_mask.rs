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
    accept::{self, Arrived, arrive},
    read,
};
use crate::{
    app::App,
    body::WholeBody,
    clock::unix_seconds,
    embed::{Input, Reading},
    error::ApiError,
    json,
    masks::filled,
    openapi::{Endpoint, Facts},
    placed_text::PlacedText,
    request::{self, FILL_MASK_FIELD, FillMaskRequest, PieceRules},
    served_model::ServedModel,
    tokenizer::PlacedToken,
};

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

/// A text's masks, and the text as it is read.
struct Masked {
    masks: Vec<PlacedToken>,
    input: Input,
}

/// Candidates for each mask of each text.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let created = unix_seconds();
    let arrived = arrive(&app, request, |model, body| read::tokenized(&app, (model, body), take)).await?;
    let Arrived { model, work, clocked, made: (request, texts) } = arrived;
    let tokenizer = Arc::clone(&model.tokenizer);
    let (masks, inputs): (Vec<_>, Vec<_>) = texts.into_iter().map(|text| (text.masks, text.input)).unzip();
    let reading = Reading { inputs, field: FILL_MASK_FIELD, priority: request.reading.priority };
    let read = read::read(&app, (model, work), reading, clocked).await?;
    let texts = masks.iter().zip(&read.embedded.vectors).enumerate();
    let of_text = |(index, (masks, scores)): (usize, (&Vec<PlacedToken>, &Vec<f32>))| {
        filled(&tokenizer, (index, masks), scores, request.candidates)
    };
    let data = texts.map(of_text).collect::<Vec<_>>();
    Ok(read::list("fill-mask-", (request.reading.model, created), data, &read))
}

fn take(body: &WholeBody, model: &ServedModel) -> Result<(FillMaskRequest, Vec<Masked>), ApiError> {
    let mut request = request::fill_mask(json::parse(body)?, &model.rules)?;
    let texts = std::mem::take(&mut request.texts);
    let texts = texts.into_iter().map(|text| masked(model, &request, text)).collect::<Result<_, _>>()?;
    Ok((request, texts))
}

fn masked(model: &ServedModel, request: &FillMaskRequest, text: String) -> Result<Masked, ApiError> {
    let (opening, closing) = (model.tokenizer.opening(), model.tokenizer.closing());
    let rules = PieceRules { cut: request.reading.cut, stride: None };
    let text = PlacedText::read(model, (FILL_MASK_FIELD, text), opening.len() + closing.len(), rules)?;
    let at = |(place, token): (usize, &PlacedToken)| (token.token == request.mask).then_some(place);
    let places: Vec<_> = text.tokens.iter().enumerate().filter_map(at).collect();
    if !(1..=MAX_ASKED).contains(&places.len()) {
        let (masks, mask) = (places.len(), model.rules.kind.mask().map_or("", |mask| &mask.text));
        let says = format_args!("has a text with {masks} masks ({mask}), not 1 to {MAX_ASKED}");
        return Err(ApiError::invalid_value(FILL_MASK_FIELD, says));
    }
    let tokens: Vec<_> = text.tokens.iter().map(|placed| placed.token).collect();
    let asked = places.iter().map(|place| opening.len() + place).collect();
    Ok(Masked {
        masks: places.iter().map(|place| text.tokens[*place].clone()).collect(),
        input: Input { asked, ..Input::of([opening, &tokens, closing].concat()) },
    })
}
