//! `POST /pooling`: whether texts are to become vectors or probabilities of labels.

use engine::config::LabelScores;
use proto::{EmbeddingsRequest, PoolingRequest, PoolingTask};

use super::{EmbedRequest, RequestRules, VectorRules, embeddings::embeddings_of};
use crate::error::ApiError;

/// A request for what a model makes of texts.
#[derive(Clone, Debug)]
pub struct PoolRequest {
    /// What is read, and how numbers are written.
    pub embed: EmbedRequest,
    /// What is told of the scores of labels; of a model that makes vectors, none.
    pub labels: Option<LabelScores>,
}

/// Reads a request for what the model makes of texts.
pub fn pooling(request: PoolingRequest, rules: &RequestRules) -> Result<PoolRequest, ApiError> {
    let labels = rules.kind.labels();
    let is_for_labels = match request.task {
        None => labels.is_some(),
        Some(PoolingTask::Embed) => false,
        Some(PoolingTask::Classify) => true,
        Some(PoolingTask::TokenEmbed | PoolingTask::TokenClassify) => {
            let says = "must be embed or classify, vectors and labels of single tokens are not served";
            return Err(ApiError::unsupported_value("task", says));
        }
    };
    let numbers = if is_for_labels {
        let of_labels = labels.map(|labels| VectorRules { dimensions: labels.names.len(), normalize: false });
        of_labels.ok_or_else(|| rules.kind.serves().to_owned())
    } else {
        rules.vectors.clone()
    };
    let PoolingRequest { reading, model, input, messages, encoding_format, .. } = request;
    let request = EmbeddingsRequest {
        model,
        input,
        messages,
        encoding_format,
        truncate_prompt_tokens: reading.truncate_prompt_tokens,
        priority: reading.priority,
        ..EmbeddingsRequest::default()
    };
    let embed = embeddings_of(request, &numbers, rules)?;
    Ok(PoolRequest { embed, labels: labels.filter(|_| is_for_labels).map(|labels| labels.scores) })
}
