//! Scores of pairs of texts: `POST /v1/score`.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, OneOf},
};

use crate::{ModelName, ObjectName, ReadingFields, Texts, schema, strict_object::strict_object, texts::narrowed};

strict_object! {
    /// A request to score pairs of texts: one with one, one with each, or each with its own.
    pub struct ScoreRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
        }
        optional {
            /// The first of each pair.
            text_1: Texts,
            /// The second of each pair.
            text_2: Texts,
            /// The first of each pair, under another name.
            queries: Texts,
            /// The second of each pair, under another name.
            documents: Texts,
            /// The second of each pair, under a third name.
            items: Texts,
            /// Scores as the model gives them.
            raw_scores: bool,
        }
        forms { of_names }
    }
}

/// Both texts are there, under names that belong together.
fn of_names(request: &Object) -> OneOf {
    let request = narrowed(request);
    let texts = schema::form(&request, &["text_1", "text_2"], &["queries", "documents", "items"]);
    let documents = schema::form(&request, &["queries", "documents"], &["text_1", "text_2", "items"]);
    let items = schema::form(&request, &["queries", "items"], &["text_1", "text_2", "documents"]);
    schema::forms_of(&request, [texts, documents, items])
}

/// One score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PairScore {
    /// Its pair's place.
    pub index: usize,
    /// `score`
    pub object: ObjectName,
    /// The number.
    pub score: f32,
}
