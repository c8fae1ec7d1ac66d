//! Which model a request asks for. The document lists the names that are served.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::schema;

/// The name of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelName(pub String);

impl Deref for ModelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ModelName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl PartialSchema for ModelName {
    fn schema() -> RefOr<Schema> {
        schema::string().title(Some("ModelName")).description(Some("The name of a model that is served.")).into()
    }
}

impl ToSchema for ModelName {}
