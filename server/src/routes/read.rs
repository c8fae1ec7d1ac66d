//! What routes share that read texts and answer with numbers.

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use proto::{EmbeddingUsage, Listing, ObjectName, Timings};
use serde::Serialize;

use super::accept::{self, Arrived};
use crate::{
    answer,
    app::App,
    body::WholeBody,
    embed::{self, Embedded, Reading},
    error::ApiError,
    generate::Clocked,
    prepare::without_result,
    request_id::random_id,
    served_model::ServedModel,
    shutdown::Work,
};

/// Bytes that a number may take in an answer.
const BYTES_OF_NUMBER: usize = 14;

/// What came of reading.
#[derive(Debug)]
pub(super) struct Read {
    /// What the engine gave for each input; the request counts as running while it is held.
    pub(super) embedded: Embedded,
    /// What it cost.
    pub(super) usage: EmbeddingUsage,
}

/// A request: what its body asks for, and its texts as tokens, are made beside the threads that serve connections.
pub(super) async fn arrive<T: Send + 'static>(
    app: &App,
    request: Request,
    take: impl FnOnce(&WholeBody, &ServedModel) -> Result<T, ApiError> + Send + 'static,
) -> Result<Arrived<T>, ApiError> {
    let made = |model: Arc<ServedModel>, body: WholeBody| async move {
        app.pool.run(body.len(), move || take(&body, &model)).await.map_err(without_result)?
    };
    accept::arrive(app, request, made).await
}

/// Has the engine read all inputs.
pub(super) async fn read(
    app: &App,
    served: (Arc<ServedModel>, Work),
    reading: Reading,
    clocked: Clocked,
) -> Result<Read, ApiError> {
    let tokens = reading.inputs.iter().map(|input| input.tokens.len()).sum();
    let embedded = embed::embed(app, served, reading, clocked).await?;
    Ok(Read { embedded, usage: EmbeddingUsage { prompt_tokens: tokens, total_tokens: tokens } })
}

/// A list of results, one for each text or pair, beside what reading them cost.
pub(super) fn list<T: Serialize>(
    prefix: &str,
    (model, created): (String, u64),
    data: Vec<T>,
    Read { embedded, usage }: &Read,
) -> Response {
    let (id, object, timings) = (random_id(prefix), ObjectName::List, embedded.timings.clone());
    let listing = Listing { id, object, created, model, data, usage: *usage, timings };
    answer(listing.timings.as_ref(), &listing)
}

/// The same where making the results out of what the engine gave takes time: beside the threads that serve connections.
pub(super) async fn listed<T: Serialize>(
    app: &App,
    (prefix, model, created): (&str, String, u64),
    Read { embedded, usage }: Read,
    make: impl FnOnce(Vec<Vec<f32>>) -> Vec<T> + Send + 'static,
) -> Result<Response, ApiError> {
    let numbers = embedded.vectors.iter().map(Vec::len).sum();
    let (id, object) = (random_id(prefix), ObjectName::List);
    let listing = move |vectors, timings| Listing { id, object, created, model, data: make(vectors), usage, timings };
    written(app, embedded, numbers, listing).await
}

/// An answer with its timings as headers too.
pub(super) fn answer(timings: Option<&Timings>, body: &impl Serialize) -> Response {
    (timings.map(answer::timing_headers), Json(body)).into_response()
}

/// An answer made of so many numbers, written beside the threads that serve connections.
pub(super) async fn written<T: Serialize>(
    app: &App,
    embedded: Embedded,
    numbers: usize,
    make: impl FnOnce(Vec<Vec<f32>>, Option<Timings>) -> T + Send + 'static,
) -> Result<Response, ApiError> {
    let headers = embedded.timings.as_ref().map(answer::timing_headers);
    let write = move || {
        let Embedded { vectors, timings, .. } = embedded;
        serde_json::to_vec(&make(vectors, timings))
    };
    let body = app.pool.run(numbers * BYTES_OF_NUMBER, write).await.map_err(without_result)?;
    let body = body.map_err(|_| ApiError::internal())?;
    Ok((headers, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}
