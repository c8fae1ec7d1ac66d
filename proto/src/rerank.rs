//! Documents in order of how well they answer a query: `POST /v1/rerank`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Document, DocumentText, EmbeddingUsage, InputText, Integer, List, MAX_INPUTS, ModelName, ReadingFields, Timings,
    integer::U32_MAX, strict_object::strict_object, texts::narrowed,
};

strict_object! {
    /// A request to rank documents by a query.
    pub struct RerankRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// What is asked.
            query: InputText,
            /// What may answer it.
            documents: List<Document, MAX_INPUTS, 1>,
        }
        optional {
            /// So many results, the best.
            top_n: Integer<1, U32_MAX>,
            /// Results hold the documents.
            return_documents: bool,
            /// Scores as the model gives them.
            raw_scores: bool,
        }
        forms { narrowed }
    }
}

/// The documents, the best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RerankResponse {
    /// Of this answer.
    pub id: String,
    /// The name asked for.
    pub model: String,
    /// Of equal ones the first stands first.
    pub results: Vec<RerankResult>,
    /// What it cost.
    pub usage: EmbeddingUsage,
    /// Where its time went, unless that is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
}

/// One document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RerankResult {
    /// Its place in the request.
    pub index: usize,
    /// How well it answers.
    pub relevance_score: f32,
    /// What it says, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentText>,
}
