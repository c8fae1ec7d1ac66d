//! What routes do that turn texts and ask no engine: a body, a job on the text pool, an answer.

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{answer, app::App, error::ApiError, prepare::without_result, routing::route, served_model::ServedModel};

/// Something made of a body, and the body's members that had no effect on it.
pub(super) type Made<T> = (T, Vec<String>);

/// Reads a body, does a job on it with the model that it names, and answers with what comes of it.
pub(super) async fn respond<T: Serialize + Send + 'static>(
    app: &App,
    request: Request,
    job: impl FnOnce(&[u8], &ServedModel) -> Result<Made<T>, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    app.models().check_loading()?;
    let (model, body) = route(app, app.bodies.read(request).await?).await?;
    let bytes = body.len();
    let (made, ignored) = app.pool.run(bytes, move || job(&body, &model)).await.map_err(without_result)??;
    Ok(answer::with_ignored(Json(made).into_response(), &ignored))
}
