//! Cross-origin answers: none by default, and only to origins that were listed, never with credentials.
//!
//! A preflight is answered 204 on any path and without a key; what it says depends on the list alone.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, NoContent, Response},
};

use crate::app::App;

/// What pages may read of an answer beside its body.
pub(crate) const EXPOSED: &str = "x-request-id, openai-processing-ms, retry-after, retry-after-ms, x-gondola-ignored, \
                                  server-timing, x-gondola-cached-tokens, x-gondola-recomputed-tokens, \
                                  x-gondola-preemptions, x-gondola-block-seconds";

/// Answers preflights and marks answers to listed origins.
pub async fn answer_origins(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = listed_origin(request.headers(), &app.origins);
    if is_preflight(&request) {
        let mut response = NoContent.into_response();
        if let Some(origin) = origin {
            allow(response.headers_mut(), origin);
            describe(response.headers_mut());
        }
        return response;
    }
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin);
    }
    response
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn listed_origin(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

fn describe(headers: &mut HeaderMap) {
    let allowed = "authorization, x-api-key, content-type, x-request-id, x-request-timeout-ms";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}
