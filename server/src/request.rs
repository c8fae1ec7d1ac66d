//! From the wire to a request that can run: parsed, not validated, so that what exists is right.
//!
//! All ranges, caps and contradictions of fields are settled here, with the numbers narrowed to the types that are
//! used; nothing behind this file checks them again. It tokenises nothing and asks no engine.

mod accepted;
mod beams;
mod chat;
mod classify;
mod completion;
mod content;
mod documents;
mod embed;
mod embeddings;
mod fill_mask;
mod grammar;
mod label_head;
mod messages;
mod ner;
mod output;
mod pairs;
mod pooling;
mod predict;
mod prediction;
mod qa;
mod range;
mod rank;
mod reading;
mod reasoning;
mod refuse;
mod sampling;
mod shared;
mod similarity;
mod stopping;
mod template_arguments;
mod tokens;
mod tools;

use std::{collections::HashSet, fmt};

use proto::TokenId;
use scheduler::{SamplingParams, Token};

pub use self::{
    beams::MAX_BEAMS,
    chat::chat,
    classify::{ClassifyRequest, classify, sentiment},
    completion::completion,
    embed::embed,
    embeddings::{EmbedRequest, VectorForm, embeddings},
    fill_mask::{FIELD as FILL_MASK_FIELD, FillMaskRequest, fill_mask},
    label_head::LabelHead,
    ner::{FIELD as NER_FIELD, NerRequest, ner},
    output::StreamRules,
    pairs::{PairScorer, PairsRequest, score},
    pooling::{PoolRequest, pooling},
    predict::{PredictRequest, predict},
    qa::{FIELD as QA_FIELD, QUESTION as QA_QUESTION, QaRequest, qa},
    rank::{RankForm, RankRequest, rank},
    reading::ReadingRules,
    reasoning::ReasoningRules,
    sampling::SamplingDefaults,
    similarity::similarity,
    tokens::{detokenize, tokenize},
};
pub use crate::{chat_prompt::ChatPrompt, stop_matcher::StopRules};
use crate::{
    error::ApiError,
    grammar::GrammarSpec,
    model_kind::ModelKind,
    reasoning::ReasoningFormat,
    tools::{AnswerCalls, CallFormat},
};

/// What requests are measured by: facts of the model and caps of the server.
#[derive(Clone, Debug)]
pub struct RequestRules {
    /// Names that are answered.
    pub models: Vec<String>,
    /// What the model does.
    pub kind: ModelKind,
    /// Most tokens of prompt and answer together.
    pub max_model_len: usize,
    /// Tokens there are.
    pub vocab_size: usize,
    /// Most choices for one prompt.
    pub max_choices: usize,
    /// Most bytes of one prompt's text.
    pub max_prompt_bytes: usize,
    /// Settings that a request leaves out.
    pub defaults: SamplingDefaults,
    /// How the model writes calls of tools.
    pub calls: &'static CallFormat,
    /// Inputs of one request that are embedded.
    pub max_inputs: usize,
    /// What vectors are like; or, of a model that makes none, why.
    pub vectors: Result<VectorRules, String>,
    /// How it marks its thoughts, if it thinks.
    pub reasoning: Option<&'static ReasoningFormat>,
    /// Variables that the chat template reads.
    pub template_variables: HashSet<String>,
}

/// Vectors as a model makes them.
#[derive(Clone, Copy, Debug)]
pub struct VectorRules {
    /// Numbers of a vector.
    pub dimensions: usize,
    /// They have unit length, where a request says nothing.
    pub normalize: bool,
}

/// A request to generate text.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the wire with a meaning of its own")]
pub struct GenerateRequest {
    /// The name asked for.
    pub model: String,
    /// At least one.
    pub prompts: Vec<Prompt>,
    /// Answers computed for each prompt.
    pub choices: usize,
    /// How many of them are returned: the likeliest.
    pub returned: usize,
    /// Tokens to generate at most; the rest of the context if absent.
    pub max_new: Option<usize>,
    /// Key of the random stream, if the client gave one.
    pub seed: Option<u64>,
    /// How tokens are drawn. `stop_ids` are the request's own; `max_new`, `seed` and `bad_words` are not filled in.
    pub sampling: SamplingParams,
    /// Texts that are never generated.
    pub bad_words: Vec<String>,
    /// The model's end tokens do not end.
    pub ignore_eos: bool,
    /// What the answer may be, to compute it faster.
    pub prediction: Option<String>,
    /// Texts that end an answer.
    pub stop: StopRules,
    /// The form that the answer is bound to.
    pub grammar: Option<GrammarSpec>,
    /// How thoughts are told apart.
    pub reasoning: ReasoningRules,
    /// How to stream, if at all.
    pub stream: Option<StreamRules>,
    /// The prompt's text precedes the answer.
    pub echo: bool,
    /// Special tokens are left out of the text.
    pub skip_special_tokens: bool,
    /// Begin and end tokens are put around the prompt.
    pub add_special_tokens: bool,
    /// Lower runs earlier.
    pub priority: i32,
    /// Separates the prefix cache.
    pub cache_salt: Option<String>,
    /// The client's own id from the body: 1 to 128 visible ASCII characters.
    pub request_id: Option<String>,
    /// Token ids are reported.
    pub return_token_ids: bool,
    /// Log-probabilities are reported, with so many alternatives; of an echoed prompt too.
    pub logprobs: Option<usize>,
    /// Log-probabilities of the prompt are reported on their own, with so many alternatives.
    pub prompt_logprobs: Option<usize>,
    /// Tokens in log-probabilities are named by their ids.
    pub tokens_as_ids: bool,
    /// What is kept of a prompt, if not all of it.
    pub cut: Option<PromptCut>,
    /// Members that would have had an effect elsewhere.
    pub ignored: Vec<String>,
}

/// How a prompt that may be too long is made shorter: as a rule by its first tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptCut {
    /// So many are kept, at least one.
    To(usize),
    /// As many as the context holds beside the answer.
    ToFit,
    /// The same of a text that is read, from its begin whatever reads it.
    FirstToFit,
}

impl PromptCut {
    /// Cuts a prompt; `room` is what the context leaves for it.
    pub fn apply(self, tokens: &mut Vec<Token>, room: usize) {
        tokens.drain(..tokens.len().saturating_sub(self.kept(room)));
    }

    /// Cuts the end of a text that is read, not continued; what closes every text, `closing`, stays.
    pub fn apply_to_end(self, tokens: &mut Vec<Token>, room: usize, closing: &[Token]) {
        let kept = self.kept(room);
        if tokens.len() > kept {
            let closing = &closing[closing.len().saturating_sub(kept)..];
            tokens.truncate(kept - closing.len());
            tokens.extend(closing);
        }
    }

    /// So many tokens are kept where so many fit, at least one.
    pub(crate) fn kept(self, room: usize) -> usize {
        match self {
            Self::To(kept) => kept,
            Self::ToFit | Self::FirstToFit => room.max(1),
        }
    }
}

/// What to continue.
#[derive(Clone)]
pub enum Prompt {
    /// A conversation.
    Chat(Box<ChatPrompt>),
    /// Text; may be empty.
    Text(String),
    /// Tokens of the vocabulary, at least one.
    Tokens(Vec<Token>),
}

impl Prompt {
    /// The member of the request that it came from.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Chat(_) => "messages",
            Self::Text(_) | Self::Tokens(_) => "prompt",
        }
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(prompt) => prompt.fmt(formatter),
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Tokens(tokens) => write!(formatter, "Tokens({})", tokens.len()),
        }
    }
}

impl fmt::Debug for GenerateRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("GenerateRequest");
        fields.field("prompts", &self.prompts).field("choices", &self.choices).field("max_new", &self.max_new);
        fields.field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl GenerateRequest {
    /// The calls that its answers may hold.
    pub fn calls(&self) -> Option<AnswerCalls> {
        self.grammar.as_ref().and_then(GrammarSpec::calls)
    }

    /// The member, beside a form, that leaves only some tokens to generate.
    pub fn restricted_by(&self) -> Option<&'static str> {
        let members = [
            ("allowed_token_ids", self.sampling.allowed.is_some()),
            ("bad_words", !self.bad_words.is_empty()),
            ("no_repeat_ngram_size", self.sampling.no_repeat_ngram > 0),
        ];
        members.into_iter().find(|(_, restricts)| *restricts).map(|(name, _)| name)
    }
}

impl RequestRules {
    fn check_model(&self, name: &str) -> Result<(), ApiError> {
        if self.models.iter().any(|model| model == name) { Ok(()) } else { Err(ApiError::model_not_found(name)) }
    }

    /// Whether the model is served under this name, and continues texts.
    fn check_generator(&self, name: &str) -> Result<(), ApiError> {
        self.check_model(name)?;
        if self.kind.generates() { Ok(()) } else { Err(self.kind.refusal()) }
    }

    fn check_prompt_bytes(&self, field: &str, bytes: usize) -> Result<(), ApiError> {
        let limit = self.max_prompt_bytes;
        if bytes > limit { Err(ApiError::prompt_bytes(field, bytes, limit)) } else { Ok(()) }
    }

    /// The tokens of the list at `path`, if the vocabulary has all of them.
    fn check_tokens(&self, path: &str, ids: &[TokenId]) -> Result<Vec<Token>, ApiError> {
        match ids.iter().position(|id| id.0 as usize >= self.vocab_size) {
            Some(index) => Err(ApiError::integer_above(&format!("{path}[{index}]"), self.vocab_size as i64 - 1)),
            None => Ok(ids.iter().map(|id| id.0).collect()),
        }
    }
}

#[cfg(test)]
mod tests;
