//! `POST /similarity`: which texts are compared with which one.

use proto::{InputText, SimilarityRequest};

use super::{
    PairScorer, PairsRequest, RequestRules,
    reading::{check_texts, reading_of_served},
    refuse,
};
use crate::error::ApiError;

/// Where the texts stand.
const SOURCE: &str = "inputs.source_sentence";
const OTHERS: &str = "inputs.sentences";

/// Reads a request to compare texts: by their vectors, whatever else the model could do with pairs.
pub fn similarity(request: SimilarityRequest, rules: &RequestRules) -> Result<PairsRequest, ApiError> {
    let parameters = request.parameters.unwrap_or_default();
    refuse::similarity(&parameters)?;
    let reading = reading_of_served(&parameters.truncation, "parameters.truncation_direction", rules)?;
    rules.vectors.as_ref().map_err(|why| ApiError::unsupported_model(why))?;
    let firsts = vec![request.inputs.source_sentence.into_string()];
    let seconds: Vec<_> = request.inputs.sentences.0.into_iter().map(InputText::into_string).collect();
    check_texts(SOURCE, &firsts, rules)?;
    check_texts(OTHERS, &seconds, rules)?;
    let scorer = PairScorer::Cosine;
    Ok(PairsRequest { reading, scorer, firsts, seconds, first_field: SOURCE, field: OTHERS, raw: false })
}
