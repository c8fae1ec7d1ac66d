//! What is served: `GET /v1/models`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ModelName, ObjectName, strict_object::strict_object};

/// One served name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// The name in requests.
    pub id: String,
    /// `model`
    pub object: ObjectName,
    /// Start of the server, in Unix seconds.
    pub created: u64,
    /// `gondola`
    pub owned_by: String,
    /// The model behind the name.
    #[serde(default)]
    #[schema(required)]
    pub root: Option<String>,
    /// Of an adapter: its base model.
    #[serde(default)]
    #[schema(required)]
    pub parent: Option<String>,
    /// Most tokens of prompt and answer together.
    #[serde(default)]
    #[schema(required)]
    pub max_model_len: Option<usize>,
    /// `decoder`, `encoder` or `seq2seq`
    #[serde(default)]
    #[schema(required)]
    pub kind: Option<String>,
    /// What it can do, such as `chat` and `completion`.
    #[serde(default)]
    #[schema(required)]
    pub tasks: Vec<String>,
    /// Whether requests find it.
    #[serde(default)]
    #[schema(required)]
    pub status: Option<ModelStatus>,
}

/// Whether requests find a model. What one does is known once it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelStatus {
    /// It is on its way.
    Loading,
    /// They do.
    Loaded,
    /// It was unloaded.
    Unloaded,
}

strict_object! {
    /// A request to load a model or to unload it.
    pub struct ModelRequest {
        required {
            /// Name of the model.
            model: ModelName,
        }
    }
}

/// All served names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// `list`
    pub object: ObjectName,
    /// The models.
    pub data: Vec<Model>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_a_model_and_nothing_else() {
        let parse = |text| serde_json::from_str::<ModelRequest>(text).map_err(|error| error.to_string());
        assert_eq!(&*parse(r#"{"model":"m"}"#).unwrap().model, "m");
        assert!(parse("{}").unwrap_err().starts_with("missing field `model`"));
        assert!(parse(r#"{"model":"m","force":true}"#).unwrap_err().starts_with("unknown field `force`"));
    }
}
