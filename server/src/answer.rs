//! Answers out of pieces: what chat and completions share.
//!
//! A whole answer is all pieces put together, so it equals the stream by construction.

mod calls;
pub mod chat;
pub mod completion;
pub mod embeddings;
mod logprobs;
pub mod pooling;
mod prompt_logprobs;
mod timing_headers;

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use proto::{CompletionTokensDetails, Member, Usage};

pub use self::timing_headers::timing_headers;
use crate::{
    choice::{Finish, GeneratedToken},
    error::ApiError,
    generate::Generation,
    prepare::Prepared,
    request::{GenerateRequest, StreamRules},
    request_id::random_id,
    served_model::ServedModel,
    tools::CallDelta,
};

const IGNORED: HeaderName = HeaderName::from_static("x-gondola-ignored");

/// What is equal in all chunks of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Ours, random.
    pub id: String,
    /// Unix seconds of acceptance.
    pub created: u64,
    /// The name asked for.
    pub model: String,
    /// Weights and kernels.
    pub fingerprint: String,
}

/// One choice, put together.
#[derive(Clone, Debug, Default)]
pub struct WholeChoice {
    /// All of its thought.
    pub thought: String,
    /// All of its text.
    pub text: String,
    /// All of its calls.
    pub calls: Vec<CallDelta>,
    /// All of its tokens.
    pub tokens: Vec<GeneratedToken>,
    /// How many of them, from the first on, belong to its thought.
    pub thought_tokens: usize,
    /// How it ended.
    pub finish: Option<Finish>,
}

impl WholeChoice {
    /// Of its tokens; 0 of none.
    fn mean_logprob(&self) -> f32 {
        let logprobs = self.tokens.iter().filter_map(|token| token.logprobs.as_ref());
        let sum: f32 = logprobs.map(|logprobs| logprobs.logprob).sum();
        sum / self.tokens.len().max(1) as f32
    }
}

impl Head {
    /// The head of an answer whose id begins with `prefix`.
    pub fn new(prefix: &str, prepared: &Prepared, model: &ServedModel, created: u64) -> Self {
        Self {
            id: random_id(prefix),
            created,
            model: prepared.request.model.clone(),
            fingerprint: model.fingerprint.clone(),
        }
    }
}

/// Follows a generation to its end.
pub async fn collect(generation: &mut Generation) -> Result<Vec<WholeChoice>, ApiError> {
    let mut choices = vec![WholeChoice::default(); generation.num_choices()];
    while let Some(piece) = generation.next().await {
        let piece = piece?;
        let choice = &mut choices[piece.choice];
        choice.thought += &piece.thought;
        choice.text += &piece.text;
        choice.calls.extend(piece.calls);
        choice.tokens.extend(piece.tokens);
        choice.thought_tokens += piece.thought_tokens;
        choice.finish = piece.finish.or(choice.finish.take());
    }
    Ok(choices)
}

/// Of each prompt's choices those that are returned; of more than that the likeliest, best first.
pub fn likeliest(mut choices: Vec<WholeChoice>, request: &GenerateRequest) -> Vec<WholeChoice> {
    if request.returned == request.choices {
        return choices;
    }
    let mut best = Vec::new();
    for of_prompt in choices.chunks_exact_mut(request.choices) {
        of_prompt.sort_by(|a, b| b.mean_logprob().total_cmp(&a.mean_logprob()));
        best.extend(of_prompt.iter_mut().take(request.returned).map(std::mem::take));
    }
    best
}

/// What the request cost so far.
pub fn usage(generation: &Generation) -> Usage {
    let counts = generation.counts();
    let details = CompletionTokensDetails {
        accepted_prediction_tokens: counts.predictions.map(|(accepted, _)| accepted),
        rejected_prediction_tokens: counts.predictions.map(|(_, rejected)| rejected),
        reasoning_tokens: counts.reasoning,
    };
    let usage = Usage::new(counts.prompt, counts.cached, counts.completion);
    Usage { completion_tokens_details: Some(details), ..usage }
}

/// `usage` of a chunk that is not the usage chunk.
fn chunk_usage(rules: &StreamRules, generation: &Generation) -> Member<Usage> {
    match (rules.continuous_usage, rules.include_usage) {
        (true, _) => Member::Value(usage(generation)),
        (false, true) => Member::Null,
        (false, false) => Member::Absent,
    }
}

/// Names what was accepted without effect.
pub fn with_ignored(mut response: Response, ignored: &[String]) -> Response {
    if ignored.is_empty() {
        return response;
    }
    if let Ok(value) = HeaderValue::from_str(&ignored.join(", ")) {
        response.headers_mut().insert(IGNORED, value);
    }
    response
}

/// The ids of tokens, if they were asked for.
fn token_ids(wanted: bool, tokens: &[GeneratedToken]) -> Option<Vec<u32>> {
    wanted.then(|| tokens.iter().map(|token| token.token).collect())
}
