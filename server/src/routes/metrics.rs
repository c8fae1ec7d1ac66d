//! GET /metrics: the Prometheus text format, from one snapshot of each engine.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    metrics::Reading,
    models::Slot,
    openapi::{Endpoint, Facts},
};

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What it answers.
pub fn describe(_: &Facts) -> Endpoint {
    Endpoint::get("Show the metrics").answers_text(MEDIA_TYPE, "Prometheus' text format.")
}

/// All metrics; it waits for no engine.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let readings: Vec<Reading> = app.models().slots().iter().map(|slot| read(slot)).collect();
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics().render(&readings)).into_response()
}

fn read(slot: &Slot) -> Reading {
    let model = slot.served();
    let status = model.as_ref().map(|model| model.engine().status());
    Reading {
        metrics: Arc::clone(slot.metrics()),
        snapshot: status.map(|status| status.snapshot()),
        step_age: status.map_or(Duration::ZERO, |status| status.pulse().step_age()),
        retry_after: status.map_or(Duration::ZERO, |status| status.retry_after()),
    }
}
