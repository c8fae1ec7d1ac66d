//! What a turn tells the outside. Every accepted sequence ends in exactly one [`Event::Finished`].

use std::time::Duration;

use crate::{RowFault, Score, SeqId, Token, TokenLogprobs};

/// News of one sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A token was generated. Never sent for one of `stop_ids` that ends the sequence.
    Token {
        /// Whose.
        seq: SeqId,
        /// Which.
        token: Token,
        /// Log-probabilities, if asked for.
        logprobs: Option<TokenLogprobs>,
    },
    /// The vector of a pooled sequence, just before its end; or the states of its next tokens, each once and in their order.
    Vector {
        /// Whose.
        seq: SeqId,
        /// As the executor gave it.
        vector: Vec<f32>,
    },
    /// The next tokens of the prompt were scored, from its second on: each once, all before the first token of the answer.
    /// Choices share a prompt; one of them is told.
    Scores {
        /// Whose.
        seq: SeqId,
        /// In order of the prompt.
        scores: Vec<Score>,
    },
    /// The beams of a search that is bound by a constraint go on so. For whoever makes the masks; no reader needs it.
    Beams {
        /// An answer of the search.
        seq: SeqId,
        /// As [`crate::MaskSource::fork`] takes them.
        beams: Vec<(u32, Token)>,
    },
    /// The sequence is over; its blocks are free.
    Finished {
        /// Whose.
        seq: SeqId,
        /// Why.
        reason: FinishReason,
        /// The account.
        stats: SequenceStats,
    },
}

/// Why a sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It drew this token of `stop_ids`.
    Stop(Token),
    /// It generated `max_new` tokens, filled `max_model_len`, or has told its vector or all states.
    Length,
    /// Its client left, or had enough.
    Aborted,
    /// The step that computed it failed.
    Failed,
    /// Its own logits could not be sampled.
    RowFailed(RowFault),
    /// It waited longer than its queue deadline before its first step.
    QueueTimeout,
    /// It ran past its deadline.
    Timeout,
}

/// One sequence's account. Times are on the caller's clock, as handed to submit, schedule and commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceStats {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Prompt tokens found in the prefix cache at admission.
    pub cached_tokens: usize,
    /// Tokens generated, an ending one included.
    pub generated_tokens: usize,
    /// Tokens computed again after preemptions.
    pub recomputed_tokens: usize,
    /// Tokens of its prediction that were proposed and drawn.
    pub accepted_predictions: usize,
    /// Tokens of its prediction that were proposed, and not drawn.
    pub rejected_predictions: usize,
    /// How often it lost its blocks.
    pub preemptions: usize,
    /// Blocks held, of all pools, times how long. What choices share before they part is in the account of one of them.
    pub block_time: Duration,
    /// When it was submitted.
    pub submitted: Duration,
    /// When it was first part of a step.
    pub scheduled: Option<Duration>,
    /// When its first token was committed.
    pub first_token: Option<Duration>,
    /// When it ended.
    pub finished: Duration,
}
