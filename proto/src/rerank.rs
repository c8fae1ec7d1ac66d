//! Documents in order of how well they answer a query: `POST /v1/rerank`.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, OneOf},
};

use crate::{
    Document, DocumentText, EmbeddingUsage, InputText, Integer, List, MAX_INPUTS, ModelName, ReadingFields, Text,
    Timings, TruncationFields, integer::U32_MAX, schema, strict_object::strict_object, texts::narrowed,
};

strict_object! {
    /// A request to rank texts by a query: documents, or texts as text-embeddings-inference has it.
    pub struct RerankRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
            /// About texts that are too long.
            truncation: TruncationFields,
        }
        required {
            /// What is asked.
            query: InputText,
        }
        optional {
            /// Name of the model; with `texts` the one that is served is meant where it is absent.
            model: ModelName,
            /// What may answer it.
            documents: List<Document, MAX_INPUTS, 1>,
            /// The same; the answer is a list.
            texts: List<InputText, MAX_INPUTS, 1>,
            /// So many results, the best.
            top_n: Integer<1, U32_MAX>,
            /// Results hold the documents.
            return_documents: bool,
            /// The list holds the texts.
            return_text: bool,
            /// Scores as the model gives them.
            raw_scores: bool,
        }
        forms { of_documents_or_texts }
    }
}

/// Each brings members of its own.
fn of_documents_or_texts(request: &Object) -> OneOf {
    let request = narrowed(request);
    let of_texts = ["texts", "return_text", "truncate", "truncation_direction"];
    let documents = schema::form(&request, &["model", "documents"], &of_texts);
    let of_documents = ["documents", "top_n", "return_documents", "truncate_prompt_tokens", "priority", "user"];
    let texts = schema::form(&request, &["texts"], &of_documents);
    schema::forms_of(&request, [documents, texts])
}

/// What a request to rank is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RerankAnswer {
    /// One for documents.
    Documents(RerankResponse),
    /// One for texts: the best first.
    Texts(Vec<RankedText>),
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

/// One text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RankedText {
    /// Its place in the request.
    pub index: usize,
    /// How well it answers.
    pub score: f32,
    /// What it says, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
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
