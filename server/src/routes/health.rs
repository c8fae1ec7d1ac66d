//! GET /health, /live, /ready: one word each, read from atomics, never queued.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{app::App, error, health::Trouble};

/// The answer.
#[derive(Debug, Serialize)]
struct Status {
    status: &'static str,
}

/// It can serve.
pub async fn health(State(app): State<Arc<App>>) -> Response {
    answer(app.health().health())
}

/// Do not restart it.
pub async fn live(State(app): State<Arc<App>>) -> Response {
    answer(app.health().live())
}

/// Send it work.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    answer(app.health().ready())
}

fn answer(state: Result<(), Trouble>) -> Response {
    match state {
        Ok(()) => Json(Status { status: "ok" }).into_response(),
        Err(trouble) => error::unavailable(Json(Status { status: trouble.word() })),
    }
}
