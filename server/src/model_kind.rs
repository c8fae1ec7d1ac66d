//! What kind of model is served: the one question that decides which routes have answers.

use engine::config::{EncoderHead, Labels, ModelConfig};

use crate::error::ApiError;

/// What a model does with texts.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelKind {
    /// It continues them, and makes vectors of them.
    Decoder,
    /// An encoder that makes vectors of them.
    Embedder,
    /// An encoder that scores labels of them, or of pairs of them.
    Classifier(Labels),
}

impl ModelKind {
    /// That of a checkpoint.
    pub fn of(config: &ModelConfig) -> Self {
        match config {
            ModelConfig::Decoder(_) => Self::Decoder,
            ModelConfig::Encoder(config) => match &config.head {
                EncoderHead::Vector => Self::Embedder,
                EncoderHead::Labels(labels) => Self::Classifier(labels.clone()),
            },
        }
    }

    /// As `/v1/models` names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Embedder | Self::Classifier(_) => "encoder",
        }
    }

    /// Whether it continues texts.
    pub fn generates(&self) -> bool {
        *self == Self::Decoder
    }

    /// The labels that it scores, if it does.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Self::Classifier(labels) => Some(labels),
            Self::Decoder | Self::Embedder => None,
        }
    }

    /// What it is and serves, for answers where a route is for another kind.
    pub fn serves(&self) -> &'static str {
        match self {
            Self::Decoder => {
                "this model is a decoder: it serves /v1/chat/completions, /v1/completions and /v1/embeddings"
            }
            Self::Embedder => "this model is an encoder: it serves /v1/embeddings, /v1/rerank and /v1/score",
            Self::Classifier(labels) if labels.names.len() == 1 => {
                "this model is an encoder that scores pairs: it serves /v1/rerank, /v1/score and /v1/classify"
            }
            Self::Classifier(_) => "this model is an encoder that scores labels: it serves /v1/classify",
        }
    }

    /// A request to try first: its route, and its members beside the model.
    pub fn first_request(&self) -> (&'static str, &'static str) {
        match self {
            Self::Decoder => {
                ("/v1/chat/completions", r#""messages": [{"role": "user", "content": "Why is the sky blue?"}]"#)
            }
            Self::Embedder => ("/v1/embeddings", r#""input": "Why is the sky blue?""#),
            Self::Classifier(labels) if labels.names.len() == 1 => (
                "/v1/rerank",
                r#""query": "Why is the sky blue?", "documents": ["Grass is green.", "Air scatters blue light."]"#,
            ),
            Self::Classifier(_) => ("/v1/classify", r#""input": "What a fine day!""#),
        }
    }

    /// The answer where a route is for another kind.
    pub fn refusal(&self) -> ApiError {
        ApiError::unsupported_model(self.serves())
    }
}
