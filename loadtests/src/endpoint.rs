//! The routes that requests go to.

use serde::{Deserialize, Serialize};

/// The route requests go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// `/v1/completions`: the prompt as it is.
    #[default]
    Completions,
    /// `/v1/chat/completions`: the prompt as one user message.
    Chat,
    /// `/v1/embeddings`: vectors of texts, as base64, which is how the official clients ask for them.
    Embeddings,
    /// `/v1/rerank`: texts in order of what they have to do with a short one.
    Rerank,
    /// `/v1/ner`: the names in texts.
    Ner,
}

impl Endpoint {
    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Rerank => "/v1/rerank",
            Self::Ner => "/v1/ner",
        }
    }

    /// Whether it continues a text, in a stream; the others read texts, and answer about all at once.
    pub fn generates(self) -> bool {
        matches!(self, Self::Completions | Self::Chat)
    }
}
