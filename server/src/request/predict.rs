//! `POST /predict`: labels as text-embeddings-inference asks for them.

use proto::{InputText, PredictInput};

use super::{ClassifyRequest, LabelHead, RequestRules, reading::reading_of_served};
use crate::error::ApiError;

/// A request for labels whose answer is bare.
#[derive(Clone, Debug)]
pub struct PredictRequest {
    /// What is asked.
    pub labels: ClassifyRequest,
    /// It came as a list, so that the answer is one of lists.
    pub is_list: bool,
}

/// Reads a request for labels.
pub fn predict(request: proto::PredictRequest, rules: &RequestRules) -> Result<PredictRequest, ApiError> {
    let reading = reading_of_served(&request.truncation, "truncation_direction", rules)?;
    let (texts, is_list) = match request.inputs {
        PredictInput::One(texts) => (vec![one_or_two(texts.into_vec())?], false),
        PredictInput::Many(lists) => {
            (lists.0.into_iter().map(|texts| one_or_two(texts.0)).collect::<Result<_, _>>()?, true)
        }
    };
    let raw = request.raw_scores.unwrap_or(false);
    let head = LabelHead::only(&rules.kind)?;
    Ok(PredictRequest { labels: ClassifyRequest::new((reading, raw, head), FIELD, texts, rules)?, is_list })
}

const FIELD: &str = "inputs";

fn one_or_two(texts: Vec<InputText>) -> Result<(String, Option<String>), ApiError> {
    let mut texts = texts.into_iter().map(InputText::into_string);
    let first = texts.next().ok_or_else(|| ApiError::array_below(FIELD))?;
    Ok((first, texts.next()))
}
