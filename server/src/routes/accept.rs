//! What routes do that ask the engine, before it is asked: the checks in their order; and how those that generate go on.
//!
//! Loading or draining, then size, media type and body, then JSON to tokens on the pool, then the queue. At the end
//! of the grace all of it stops with one error.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{extract::Request, http::HeaderMap};
use utoipa::{
    Number,
    openapi::{ObjectBuilder, schema::Type},
};

use crate::{
    app::App,
    body::WholeBody,
    clock::unix_seconds,
    error::ApiError,
    generate::{Clocked, Generation},
    model_kind::ModelKind,
    openapi::Endpoint,
    prepare::{Parse, Prepared, prepare},
    routing::route,
    served_model::ServedModel,
    shutdown::Work,
};

/// A request that was read.
#[derive(Debug)]
pub(super) struct Arrived<T> {
    /// Who answers it.
    pub(super) model: Arc<ServedModel>,
    /// Its place among the running requests.
    pub(super) work: Work,
    /// When it came.
    pub(super) clocked: Clocked,
    /// What was made of its body.
    pub(super) made: T,
}

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
    let prepared = |model, body| async move { prepare(&app.pool, &model, body, parse).await };
    let Arrived { model, work, clocked, made: prepared } = arrive(app, request, prepared).await?;
    let generation = Generation::start(app, model, work, &prepared, clocked).await?;
    Ok(Accepted { prepared, generation, created: unix_seconds() })
}

/// Reads a request, and makes something of its body with the model that it names.
pub(super) async fn arrive<T, Making: Future<Output = Result<T, ApiError>>>(
    app: &App,
    request: Request,
    make: impl FnOnce(Arc<ServedModel>, WholeBody) -> Making,
) -> Result<Arrived<T>, ApiError> {
    let work = app.begin()?;
    let arrived = app.clock().now();
    let timeout = timeout(request.headers())?;
    let mut cut = app.shutdown().cut_signal();
    let made = async {
        let (model, body) = route(app, app.bodies.read(request).await?).await?;
        let made = make(Arc::clone(&model), body).await?;
        Ok::<_, ApiError>((model, made))
    };
    let (model, made) = tokio::select! {
        biased;
        () = cut.raised() => return Err(ApiError::shutting_down()),
        made = made => made?,
    };
    Ok(Arrived { model, work, clocked: Clocked { arrived, timeout }, made })
}

/// What generating routes have in common.
pub(super) fn describe(endpoint: Endpoint) -> Endpoint {
    describe_work(endpoint.refuses(ApiError::of_settings()))
}

/// What routes that ask the engine have in common.
pub(super) fn describe_work(endpoint: Endpoint) -> Endpoint {
    let millis = ObjectBuilder::new().schema_type(Type::Integer);
    let millis = millis.minimum(Some(Number::Int(1))).maximum(Some(Number::UInt(u32::MAX as usize)));
    endpoint
        .reads_header(TIMEOUT, "The request's own deadline, in milliseconds.", millis)
        .refuses(ApiError::of_length())
        .refuses(ApiError::of_generation())
        .refuses([ModelKind::Decoder.refusal()])
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
