//! `POST /embed`: what is to become vectors, as text-embeddings-inference asks for it.

use proto::EncodingFormat;

use super::{
    EmbedRequest, RequestRules, VectorForm,
    embeddings::{dimensions, of_input},
    reading::reading_of_served,
    refuse,
};
use crate::error::ApiError;

/// Reads a request for vectors.
pub fn embed(request: proto::EmbedRequest, rules: &RequestRules) -> Result<EmbedRequest, ApiError> {
    refuse::embed(&request)?;
    let reading = reading_of_served(&request.truncation, "truncation_direction", rules)?;
    let dimensions = dimensions(request.dimensions, rules.vectors.as_ref().ok())?;
    let source = of_input(request.inputs, "inputs", rules)?;
    let vectors = rules.vectors.as_ref().map_err(|why| ApiError::unsupported_model(why))?;
    rules.check_prompt_bytes(source.field, source.bytes)?;
    Ok(EmbedRequest {
        model: reading.model,
        inputs: source.inputs,
        field: source.field,
        add_special_tokens: true,
        cut: reading.cut,
        priority: reading.priority,
        form: VectorForm {
            dimensions: dimensions.unwrap_or(vectors.dimensions),
            normalize: request.normalize.unwrap_or(true),
            encoding: EncodingFormat::Float,
        },
    })
}
