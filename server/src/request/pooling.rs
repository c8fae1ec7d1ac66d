//! `POST /pooling`: whether texts, or each of their tokens, are to become vectors or probabilities of labels.

use engine::config::LabelScores;
use proto::{EmbeddingsRequest, PoolingRequest, PoolingTask};

use super::{EmbedRequest, RequestRules, VectorRules, embeddings::embeddings_of};
use crate::{error::ApiError, model_kind::ModelKind};

/// A request for what a model makes of texts.
#[derive(Clone, Debug)]
pub struct PoolRequest {
    /// What is read, and how numbers are written.
    pub embed: EmbedRequest,
    /// What is told of the scores of labels; of a model that makes vectors, none.
    pub labels: Option<LabelScores>,
    /// Numbers of each token, not of the text.
    pub each_token: bool,
}

/// Reads a request for what the model makes of texts.
pub fn pooling(request: PoolingRequest, rules: &RequestRules) -> Result<PoolRequest, ApiError> {
    let kind = &rules.kind;
    let task = request.task.unwrap_or_else(|| own_task(kind));
    let each_token = matches!(task, PoolingTask::TokenEmbed | PoolingTask::TokenClassify);
    let labels = match task {
        PoolingTask::Embed | PoolingTask::TokenEmbed => None,
        PoolingTask::Classify => kind.labels().map(|labels| (labels.names.len(), labels.scores)),
        PoolingTask::TokenClassify => kind.token_labels().map(|names| (names.len(), LabelScores::One)),
    };
    let numbers = match (task, labels) {
        (_, Some((labels, _))) => Ok(VectorRules { dimensions: labels, normalize: false }),
        (PoolingTask::Embed | PoolingTask::TokenEmbed, None) => rules.vectors.clone(),
        (PoolingTask::Classify | PoolingTask::TokenClassify, None) => Err(kind.serves().to_owned()),
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
    Ok(PoolRequest { embed, labels: labels.map(|(_, scores)| scores), each_token })
}

/// What is made of texts where a request does not say it.
fn own_task(kind: &ModelKind) -> PoolingTask {
    match kind {
        ModelKind::Classifier(_) => PoolingTask::Classify,
        ModelKind::TokenClassifier(_) => PoolingTask::TokenClassify,
        _ => PoolingTask::Embed,
    }
}
