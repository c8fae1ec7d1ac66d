//! Whoever runs a step: the engine, or a fake one in tests and in planning.

use crate::{SeqId, StepPlan, Token};

/// Computes one step. Blocks named in a plan belong to the executor's own cache, sized as the scheduler's pool.
pub trait Executor {
    /// Why a whole step failed.
    type Error: std::error::Error;

    /// Runs the plan and returns one sample for each draw, one score for each prompt token to score and one vector for each
    /// pooled work, in plan order.
    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Self::Error>;
}

/// One step's result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepOutput {
    /// One for each [`crate::SampleSpec`], in plan order.
    pub samples: Vec<Sample>,
    /// One for each [`crate::ScoreSpec`], in plan order.
    pub scores: Vec<Result<Score, RowFault>>,
    /// One for each pooled [`crate::Work`], in plan order.
    pub vectors: Vec<SequenceVector>,
}

/// What a whole sequence is as one vector, or tokens of it are as one each.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceVector {
    /// Whose.
    pub seq: SeqId,
    /// As long as every other of the model and not normalised, or one for each of its tokens that [`crate::Work`] names; or why
    /// this sequence alone has none.
    pub vector: Result<Vec<f32>, RowFault>,
}

/// What one draw gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The sequence that drew.
    pub seq: SeqId,
    /// The token, or why this row alone has none.
    pub token: Result<Token, RowFault>,
    /// Log-probabilities, if asked for.
    pub logprobs: Option<TokenLogprobs>,
    /// Of a beam: the likeliest tokens, best first, [`crate::SamplingParams::num_candidates`] or all that may be drawn.
    pub candidates: Vec<Candidate>,
}

/// A token that a beam may go on with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Which.
    pub token: Token,
    /// Its log-probability among what may be drawn, after bias and penalties: what beams are compared by.
    pub score: f32,
    /// Its log-probability by the model's own logits: what is reported.
    pub logprob: f32,
}

impl Sample {
    /// A draw of which nothing but the token is known.
    pub fn new(seq: SeqId, token: Result<Token, RowFault>) -> Self {
        Self { seq, token, logprobs: None, candidates: Vec::new() }
    }
}

/// How likely one prompt token was where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Its log-probability and the likeliest tokens.
    pub logprobs: TokenLogprobs,
    /// Its place among all tokens, the likeliest being 1.
    pub rank: usize,
}

/// Why one row could not be sampled or scored. Its neighbours are unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// A logit, or a number of a vector, was NaN or infinite.
    #[error("logits are not finite")]
    NotFinite,
    /// The mask of its constraint failed.
    #[error("the mask of allowed tokens failed")]
    MaskFailed,
    /// What the request forbids is everything there is.
    #[error("no token is left to draw")]
    NothingLeft,
    /// The mask of its constraint is still being made. This alone ends nothing: the row is computed again.
    #[error("the mask of allowed tokens is late")]
    MaskLate,
}

/// Log-softmax of the model's own logits, before bias, penalties and truncation.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprobs {
    /// Of the token that was sampled or that stands in the prompt.
    pub logprob: f32,
    /// The likeliest tokens, best first, as many as asked for, then other tokens asked for.
    pub top: Vec<(Token, f32)>,
}
