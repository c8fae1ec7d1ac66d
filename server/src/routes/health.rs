//! GET /health, /live, /ready: one word each, read from atomics, never queued.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    error,
    health::Trouble,
    openapi::{Endpoint, Facts},
};

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    status: StatusWord,
}

/// `ok`, or what is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Ok,
    Loading,
    Draining,
    Stalled,
    EngineFailed,
}

impl From<Trouble> for StatusWord {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Loading => Self::Loading,
            Trouble::Draining => Self::Draining,
            Trouble::Stalled => Self::Stalled,
            Trouble::EngineFailed => Self::EngineFailed,
        }
    }
}

/// What a probe answers.
fn describe(summary: &str) -> Endpoint {
    Endpoint::get(summary).answers::<Status>("Yes: `ok`.").answers_with::<Status>(503, "No, and why in one word.")
}

/// What it answers.
pub fn describe_health(_: &Facts) -> Endpoint {
    describe("Can it serve?")
}

/// What it answers.
pub fn describe_live(_: &Facts) -> Endpoint {
    describe("Is it alive? Restart it if not.")
}

/// What it answers.
pub fn describe_ready(_: &Facts) -> Endpoint {
    describe("Is it ready for work?")
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
        Ok(()) => Json(Status { status: StatusWord::Ok }).into_response(),
        Err(trouble) => error::unavailable(Json(Status { status: trouble.into() })),
    }
}
