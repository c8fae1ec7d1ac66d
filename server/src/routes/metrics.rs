//! GET /metrics: the Prometheus text format, from one snapshot of the engine.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    openapi::{Endpoint, Facts},
};

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What it answers.
pub fn describe(_: &Facts) -> Endpoint {
    Endpoint::get("Show the metrics").answers_text(MEDIA_TYPE, "Prometheus' text format.")
}

/// All metrics; it needs neither the engine nor a lock of it.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let model = app.model().ok();
    let status = model.map(|model| model.engine().status());
    let snapshot = status.map(|status| status.snapshot());
    let retry_after = status.map_or(Duration::ZERO, |status| status.retry_after());
    let text = app.metrics().render(snapshot.as_ref(), app.health().step_age(), retry_after);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}
