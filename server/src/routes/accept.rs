//! What both generating routes do before the first token: the checks in their order, then the engine.
//!
//! Loading or draining, then size, media type and body, then JSON to tokens on the pool, then the queue. At the end
//! of the grace all of it stops with one error.

use std::{sync::Arc, time::Duration};

use axum::{extract::Request, http::HeaderMap};
use utoipa::{
    Number,
    openapi::{ObjectBuilder, schema::Type},
};

use crate::{
    app::App,
    clock::unix_seconds,
    error::ApiError,
    generate::{Clocked, Generation},
    openapi::Endpoint,
    prepare::{Parse, Prepared, prepare},
};

/// A request that runs.
#[derive(Debug)]
pub(super) struct Accepted {
    /// What was asked.
    pub(super) prepared: Prepared,
    /// What comes.
    pub(super) generation: Generation,
    /// When it was accepted, in Unix seconds.
    pub(super) created: u64,
}

/// Takes a request to the engine, or says why not.
pub(super) async fn accept(app: &App, request: Request, parse: Parse) -> Result<Accepted, ApiError> {
    let (model, work) = app.begin()?;
    let arrived = app.clock().now();
    let timeout = timeout(request.headers())?;
    let mut cut = app.shutdown().cut_signal();
    let prepared = async {
        let body = app.bodies.read(request).await?;
        prepare(&app.pool, &model, body, parse).await
    };
    let prepared = tokio::select! {
        biased;
        () = cut.raised() => return Err(ApiError::shutting_down()),
        prepared = prepared => prepared?,
    };
    let model = Arc::clone(&model);
    let generation = Generation::start(app, model, work, &prepared, Clocked { arrived, timeout }).await?;
    Ok(Accepted { prepared, generation, created: unix_seconds() })
}

/// What generating routes have in common.
pub(super) fn describe(endpoint: Endpoint) -> Endpoint {
    let millis = ObjectBuilder::new().schema_type(Type::Integer);
    let millis = millis.minimum(Some(Number::Int(1))).maximum(Some(Number::UInt(u32::MAX as usize)));
    endpoint
        .reads_header(TIMEOUT, "The request's own deadline, in milliseconds.", millis)
        .refuses(ApiError::of_settings())
        .refuses(ApiError::of_length())
        .refuses(ApiError::of_generation())
}

const TIMEOUT: &str = "x-request-timeout-ms";

/// The client's own deadline.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let millis = value.to_str().ok().and_then(|text| text.parse::<u32>().ok()).filter(|millis| *millis > 0);
    let millis = millis
        .ok_or_else(|| ApiError::invalid_value(TIMEOUT, format_args!("must be an integer from 1 to {}", u32::MAX)))?;
    Ok(Some(Duration::from_millis(millis.into())))
}
