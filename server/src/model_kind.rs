//! What kind of model is served: the one question that decides which routes have answers.

use engine::config::{EncoderHead, Labels, ModelConfig, Task};
use scheduler::Token;

use crate::{
    error::ApiError,
    tokenizer::{Tokenizer, TokenizerError},
};

/// What a model does with texts.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelKind {
    /// It continues them, and makes vectors of them.
    Decoder,
    /// An encoder that makes vectors of them.
    Embedder,
    /// An encoder that scores labels of them, or of pairs of them.
    Classifier(Labels),
    /// An encoder with several heads, each of which scores labels.
    Tasks(Vec<Task>),
    /// An encoder that scores these labels of each of their tokens.
    TokenClassifier(Vec<String>),
    /// An encoder that finds answers in them.
    SpanReader,
    /// An encoder that tells the words which masks in them stand for.
    MaskFiller(Mask),
}

/// What stands for a word that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Its id.
    pub token: Token,
    /// Its text.
    pub text: String,
}

impl ModelKind {
    /// That of a checkpoint; one that tells words needs a token that stands for them.
    pub fn of(config: &ModelConfig, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        let ModelConfig::Encoder(config) = config else { return Ok(Self::Decoder) };
        Ok(match &config.head {
            EncoderHead::Vector => Self::Embedder,
            EncoderHead::Labels(labels) => Self::Classifier(labels.clone()),
            EncoderHead::Tasks(tasks) => Self::Tasks(tasks.clone()),
            EncoderHead::TokenLabels(labels) => Self::TokenClassifier(labels.clone()),
            EncoderHead::Spans => Self::SpanReader,
            EncoderHead::Words => {
                let missing = || TokenizerError::Invalid("tokenizer_config.json: 'mask_token' is missing".to_owned());
                let token = tokenizer.mask().ok_or_else(missing)?;
                Self::MaskFiller(Mask { token, text: tokenizer.token_text(token) })
            }
        })
    }

    /// As `/v1/models` names it.
    pub fn name(&self) -> &'static str {
        if self.generates() { "decoder" } else { "encoder" }
    }

    /// Whether it continues texts.
    pub fn generates(&self) -> bool {
        *self == Self::Decoder
    }

    /// The labels that it scores of texts, if it does.
    pub fn labels(&self) -> Option<&Labels> {
        if let Self::Classifier(labels) = self { Some(labels) } else { None }
    }

    /// The heads that requests choose from, if there are several.
    pub fn tasks(&self) -> Option<&[Task]> {
        if let Self::Tasks(tasks) = self { Some(tasks) } else { None }
    }

    /// The labels that it scores of tokens, if it does.
    pub fn token_labels(&self) -> Option<&[String]> {
        if let Self::TokenClassifier(labels) = self { Some(labels) } else { None }
    }

    /// What stands for words that it tells, if it does.
    pub fn mask(&self) -> Option<&Mask> {
        if let Self::MaskFiller(mask) = self { Some(mask) } else { None }
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
            Self::Tasks(_) => "this model is an encoder with several heads: it serves /v1/classify",
            Self::TokenClassifier(_) => "this model is an encoder that scores labels of tokens: it serves /v1/ner",
            Self::SpanReader => "this model is an encoder that finds answers: it serves /v1/qa",
            Self::MaskFiller(_) => "this model is an encoder that tells words: it serves /v1/fill-mask",
        }
    }

    /// A request to try first: its route, and its members beside the model.
    pub fn first_request(&self) -> (&'static str, String) {
        let (path, members) = match self {
            Self::Decoder => {
                ("/v1/chat/completions", r#""messages": [{"role": "user", "content": "Why is the sky blue?"}]"#)
            }
            Self::Embedder => ("/v1/embeddings", r#""input": "Why is the sky blue?""#),
            Self::Classifier(labels) if labels.names.len() == 1 => (
                "/v1/rerank",
                r#""query": "Why is the sky blue?", "documents": ["Grass is green.", "Air scatters blue light."]"#,
            ),
            Self::Classifier(_) => ("/v1/classify", r#""input": "What a fine day!""#),
            Self::Tasks(tasks) => {
                let Task { name, is_pair, .. } = &tasks[0];
                let text = if *is_pair {
                    r#"{"text": "Is it open?", "text_pair": "It is."}"#
                } else {
                    r#""What a fine day!""#
                };
                return ("/v1/classify", format!(r#""head": "{}", "input": {text}"#, plain(name)));
            }
            Self::TokenClassifier(_) => ("/v1/ner", r#""input": "Anna Berger lives in Vienna.""#),
            Self::SpanReader => {
                ("/v1/qa", r#""question": "Who lives in Vienna?", "context": "Anna lives in Vienna, and Jan in Graz.""#)
            }
            Self::MaskFiller(mask) => {
                return ("/v1/fill-mask", format!(r#""input": "The sky is {}.""#, plain(&mask.text)));
            }
        };
        (path, members.to_owned())
    }

    /// The answer where a route is for another kind.
    pub fn refusal(&self) -> ApiError {
        ApiError::unsupported_model(self.serves())
    }
}

/// A text of the model's files without what a shell or a terminal might take for something else.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || "<>[]|_-./ ".contains(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_told_to_copy_is_plain() {
        let mask = Mask { token: 1, text: "[MASK]'; ls \u{1b}[2J\"".to_owned() };
        assert_eq!(ModelKind::MaskFiller(mask).first_request().1, r#""input": "The sky is [MASK] ls [2J.""#);
    }
}
