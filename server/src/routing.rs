//! Which model answers a request: the one that its body names.
//!
//! One that names none, or none that there is, is read by the rules of the first that is served: they say what is wrong
//! with it, in the order of all refusals.

use std::sync::Arc;

use serde::Deserialize;

use crate::{app::App, body::WholeBody, error::ApiError, prepare::without_result, served_model::ServedModel};

/// The one member that is looked for; a body that has it in another form is refused by whoever reads all of it.
#[derive(Deserialize)]
struct Named {
    model: String,
}

/// The model for a body, and the body.
pub(crate) async fn route(app: &App, body: WholeBody) -> Result<(Arc<ServedModel>, WholeBody), ApiError> {
    let models = app.models();
    if let [only] = models.slots() {
        return Ok((only.model()?, body));
    }
    let bytes = body.len();
    let read = move || (serde_json::from_slice::<Named>(&body).ok(), body);
    let (named, body) = app.pool.run(bytes, read).await.map_err(without_result)?;
    let Some(slot) = named.and_then(|Named { model }| models.named(&model).ok()) else {
        return Ok((models.any()?, body));
    };
    let model = slot.model().inspect_err(|error| slot.metrics().rejected(error.code()))?;
    Ok((model, body))
}
