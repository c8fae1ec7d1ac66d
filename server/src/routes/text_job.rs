//! What routes do that turn texts and ask no engine: a body, a job on the text pool, an answer.

use std::sync::Arc;

use axum::extract::Request;

use crate::{app::App, error::ApiError, prepare::without_result, served_model::ServedModel};

/// Reads a body and does a job on it, with the model at hand.
pub(super) async fn run<T: Send + 'static>(
    app: &App,
    request: Request,
    job: impl FnOnce(&[u8], &ServedModel) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let model = Arc::clone(app.model()?);
    let body = app.bodies.read(request).await?;
    let bytes = body.len();
    app.pool.run(bytes, move || job(&body, &model)).await.map_err(without_result)?
}
