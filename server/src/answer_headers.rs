//! What every answer carries, and what is noted about it: headers, one log line, the HTTP metrics.
//!
//! The log line has no URL, no header and no body: route template, method, status, time and request id.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::{app::App, metrics::Answered, request_id::RequestId};

const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every route and the fallback.
pub async fn finish(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    request.extensions_mut().insert(id.clone());

    let mut response = next.run(request).await;

    let elapsed = started.elapsed();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.header());
    headers.insert(PROCESSING_MS, HeaderValue::from(elapsed.as_millis() as u64));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

    let handler = route.as_deref().unwrap_or("unknown");
    let status = response.status().as_u16();
    app.metrics.answered(Answered { handler, method: method.as_str(), status, elapsed });
    if !App::is_probe(handler) {
        tracing::info!(%id, %method, route = handler, status, ms = elapsed.as_millis() as u64, "answered");
    }
    response
}
