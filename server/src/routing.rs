//! Which model answers a request: the one that its body names.
//!
//! One that names none is for the model that was configured first, whether it is loaded or not: another's numbers would not
//! be what its client means. One that names a model that there is not, or cannot be read, is read by the rules of the first
//! that is served: they say what is wrong with it, in the order of all refusals.

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    app::App, body::WholeBody, error::ApiError, models::Slot, prepare::without_result, served_model::ServedModel,
};

/// The one member that is looked for; a body that has it in another form is refused by whoever reads all of it.
#[derive(Deserialize)]
struct Named {
    model: Option<String>,
}

/// The model for a body, and the body.
pub(crate) async fn route(app: &App, body: WholeBody) -> Result<(Arc<ServedModel>, WholeBody), ApiError> {
    let models = app.models();
    if let [only] = models.slots() {
        return Ok((counted(only)?, body));
    }
    let bytes = body.len();
    let read = move || (serde_json::from_slice::<Named>(&body).ok(), body);
    let (named, body) = app.pool.run(bytes, read).await.map_err(without_result)?;
    let model = match named.map(|Named { model }| model) {
        Some(None) => counted(models.first())?,
        Some(Some(name)) => match models.named(&name) {
            Ok(slot) => counted(slot)?,
            Err(unknown) => models.any().map_err(|_| unknown)?,
        },
        None => models.any()?,
    };
    Ok((model, body))
}

/// The slot's model; that there is none counts as a refusal of its own.
fn counted(slot: &Slot) -> Result<Arc<ServedModel>, ApiError> {
    slot.model().inspect_err(|error| slot.metrics().rejected(error.code()))
}
