//! Why a request is refused or has failed: one constructor for each row of the table of errors, and the only
//! status codes.
//!
//! A message is lower case, has no full stop, and quotes at most 128 escaped characters of what the client sent.

mod listing;
mod model;
mod refusal;

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Json, Response},
};
use proto::{ErrorBody, ErrorObject};
use scheduler::Reject;

pub use refusal::excerpt;

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const DROPPED_REASON: HeaderName = HeaderName::from_static("x-llm-d-request-dropped-reason");

/// How long a refused client is told to wait.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// An error answer, or an error event once the headers are out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    param: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The class that clients choose an exception by.
const INVALID: &str = "invalid_request_error";
const LIMITED: &str = "rate_limit_error";
const SERVER: &str = "server_error";

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code, message: message.into(), param: None, headers: Vec::new() }
    }

    fn at(mut self, param: &str) -> Self {
        self.param = Some(excerpt(param));
        self
    }

    fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Replaces the wait that a 429 or 503 tells the client, between 1 and 60 s.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let millis = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT).as_micros().div_ceil(1000) as u64;
        self.with(header::RETRY_AFTER, millis.div_ceil(1000)).with(RETRY_AFTER_MS, millis)
    }

    /// The code, for counters and tests.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The path of the member that is wrong.
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The status, as a number.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The error object on the wire.
    pub fn body(&self) -> ErrorBody {
        let (kind, code) = (self.kind.to_owned(), self.code.to_owned());
        ErrorBody { error: ErrorObject { message: self.message.clone(), kind, param: self.param.clone(), code } }
    }

    /// The error object as the data of an event.
    pub fn event(&self) -> String {
        serde_json::to_string(&self.body()).expect("strings are valid JSON")
    }
}

/// Access and the way to a route.
impl ApiError {
    /// No key, a wrong one, or two.
    pub fn invalid_api_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, INVALID, "invalid_api_key", "the api key is missing or wrong")
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The `Host` is not one this server answers to.
    pub fn host_not_allowed() -> Self {
        let message = "host is not a loopback name and not among the allowed hosts";
        Self::new(StatusCode::FORBIDDEN, INVALID, "host_not_allowed", message)
    }

    /// The key may not do this.
    pub fn permission_denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, INVALID, "permission_denied", "the api key may not do this")
    }

    /// The server was started without this feature.
    pub fn not_enabled(feature: &str) -> Self {
        let message = format!("{feature} are not enabled on this server");
        Self::new(StatusCode::FORBIDDEN, INVALID, "not_enabled", message)
    }

    /// No route has this path.
    pub fn unknown_url() -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID, "unknown_url", "no route has this path")
    }

    /// The route has no such method.
    pub fn method_not_supported(method: &str) -> Self {
        let message = format!("method {} is not supported here", excerpt(method));
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_supported", message)
    }

    /// Names the methods that the route has, such as `GET, HEAD`.
    #[must_use]
    pub fn allow(self, methods: HeaderValue) -> Self {
        self.with(header::ALLOW, methods)
    }
}

/// Head and body.
impl ApiError {
    /// The address is too long.
    pub fn uri_too_long(limit: usize) -> Self {
        let message = format!("the uri has more than {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, INVALID, "uri_too_long", message)
    }

    /// The head is too large.
    pub fn headers_too_large(message: &str) -> Self {
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID, "headers_too_large", message)
    }

    /// The body has more bytes than are read.
    pub fn request_too_large(limit: usize) -> Self {
        let message = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, "request_too_large", message)
    }

    /// The body is not plain JSON.
    pub fn unsupported_media_type(message: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type", message)
    }

    /// The body came too slowly; the connection ends.
    pub fn slow_body() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID, "request_timeout", "the body did not arrive in time")
            .with(header::CONNECTION, HeaderValue::from_static("close"))
    }
}

/// Load.
impl ApiError {
    fn limited(code: &'static str, message: impl Into<String>, dropped: &'static str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, LIMITED, code, message)
            .with(DROPPED_REASON, HeaderValue::from_static(dropped))
            .retry_after(SHORTEST_WAIT)
    }

    fn unavailable(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, code, message).retry_after(SHORTEST_WAIT)
    }

    /// This key has used up its budget or its share of the queue.
    pub fn rate_limit_exceeded(wait: Duration) -> Self {
        Self::limited("rate_limit_exceeded", "this key's share is used up", "rejected-saturated").retry_after(wait)
    }

    /// The queue is full; the message has the numbers.
    pub fn queue_full(message: impl Into<String>, wait: Duration) -> Self {
        Self::limited("queue_full", message, "rejected-saturated").retry_after(wait)
    }

    /// The request waited too long for its first step.
    pub fn queue_timeout(wait: Duration) -> Self {
        let message = "the request waited too long in the queue, nothing was computed";
        Self::limited("queue_timeout", message, "rejected-ttl-expired").retry_after(wait)
    }

    /// The deadline asked for cannot be met.
    pub fn deadline_unreachable(wait: Duration) -> Self {
        let message = "the deadline of the request cannot be met";
        Self::limited("deadline_unreachable", message, "rejected-ttl-expired").retry_after(wait)
    }

    /// The server ends; the connection too.
    pub fn shutting_down() -> Self {
        Self::unavailable("shutting_down", "the server is shutting down")
            .with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// The engine is being rebuilt.
    pub fn engine_restarting() -> Self {
        Self::unavailable("engine_restarting", "the engine is restarting")
    }

    /// Something that all requests share is full.
    pub fn overloaded(message: &str) -> Self {
        Self::unavailable("overloaded", message)
    }
}

/// Faults. Their messages are constants.
impl ApiError {
    /// A fault of ours.
    pub fn internal() -> Self {
        let message = "internal error, the log names it under this answer's x-request-id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal_error", message)
    }

    /// The step that computed the request failed.
    pub fn engine() -> Self {
        let message =
            "the engine could not compute the request, the log names the fault under this answer's x-request-id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, "engine_error", message)
    }

    /// The request ran past its deadline; a repeat would too.
    pub fn ran_too_long() -> Self {
        let message = "the request ran past its deadline";
        Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER, "request_timeout", message)
            .with(SHOULD_RETRY, HeaderValue::from_static("false"))
    }

    /// What the scheduler did not take. `field` holds the prompt, `wait` is told where waiting helps.
    pub fn rejected(reject: &Reject, field: &str, wait: Duration) -> Self {
        match *reject {
            Reject::Empty => Self::invalid_value(field, "has no tokens"),
            Reject::TooLong { prompt, new, limit } => Self::context_length(field, prompt, new, limit),
            Reject::NeverFits { .. } => Self::bad_request("context_length_exceeded", field, reject.to_string()),
            Reject::TooManyChoices { limit, .. } => Self::integer_above("n", limit as i64),
            Reject::QueueFull { .. } | Reject::QueueTokensFull { .. } => Self::queue_full(reject.to_string(), wait),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(self.body());
        (self.status, AppendHeaders(self.headers), body).into_response()
    }
}

/// The answer of a probe that is not well: 503 and nothing else of an error.
pub fn unavailable(body: impl IntoResponse) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

#[cfg(test)]
mod tests;
