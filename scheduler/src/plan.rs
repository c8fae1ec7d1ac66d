//! One step's input: who computes what, in which blocks, and who draws a token.

use std::sync::Arc;

use crate::{BlockId, KvPool, SamplingParams, SeqId, Token};

/// One forward pass. Copies happen first, in their order, then all works share the pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepPlan {
    /// Blocks to copy before the pass, because a forked sequence is about to write into a shared one.
    pub copies: Vec<BlockCopy>,
    /// One part for each sequence in the step, in scheduling order.
    pub works: Vec<Work>,
}

/// Copy the KV of a whole block, in every layer that uses its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCopy {
    /// Whose blocks these are.
    pub pool: KvPool,
    /// Read from here.
    pub from: BlockId,
    /// Written here.
    pub to: BlockId,
}

/// One sequence's part of a step: write KV for `tokens` at positions `start ..`, reading all positions before.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Whose part this is.
    pub seq: SeqId,
    /// Position of `tokens[0]`; the positions before it are computed.
    pub start: usize,
    /// Tokens to compute, at least one: known ones, then proposals for those that may follow.
    pub tokens: Vec<Token>,
    /// The sequence's blocks in order; they cover positions `0 .. start + tokens.len()`. Those wholly behind
    /// `Limits::window` were given back: any block of the pool stands in their place, and nothing of it is to be used.
    pub blocks: Vec<BlockId>,
    /// The same of the second pool, with its own window; empty where there is one pool.
    pub windowed: Vec<BlockId>,
    /// All tokens at positions `0 .. start + tokens.len()` if a draw needs them (`SamplingParams::needs_history`), else
    /// empty.
    pub history: Vec<Token>,
    /// Draws, in order of their rows: none in the middle of a prompt, one as a rule, one for each choice of a request
    /// (`n`) when its shared prompt is complete, or one more for each proposal.
    pub samples: Vec<SampleSpec>,
    /// Whether the sequence's vector is wanted and its last token is the sequence's last, or states of its tokens are wanted.
    pub pooled: bool,
    /// Where in `tokens` a second text begins, if the sequence is a pair.
    pub second: Option<usize>,
    /// Rows whose words are wanted, ascending.
    pub asked: Arc<[usize]>,
    /// From which row on the states of its tokens are wanted, one behind another, in place of the sequence's vector.
    pub states_from: Option<usize>,
    /// Prompt tokens to score, in order of their rows, each in a row of its own before those that are drawn from.
    pub scores: Vec<ScoreSpec>,
}

/// One draw from a row of logits.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleSpec {
    /// Draws from the logits of the work's token number `row`.
    pub row: usize,
    /// The sequence that gets the token.
    pub seq: SeqId,
    /// Index of the sequence within its request: part of the random key.
    pub choice: u32,
    /// Tokens generated before this one: part of the random key.
    pub generated: usize,
    /// How many tokens are prompt.
    pub prompt_len: usize,
    /// The request's settings.
    pub params: Arc<SamplingParams>,
}

/// One prompt token to score with the row of logits before it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSpec {
    /// Scores with the logits of the work's token number `row`.
    pub row: usize,
    /// The prompt token that stands behind it.
    pub token: Token,
    /// The request's settings, `prompt_logprobs` among them.
    pub params: Arc<SamplingParams>,
}

impl StepPlan {
    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    /// Tokens computed by the step.
    pub fn num_tokens(&self) -> usize {
        self.works.iter().map(|work| work.tokens.len()).sum()
    }

    /// Draws of the step.
    pub fn num_samples(&self) -> usize {
        self.works.iter().map(|work| work.samples.len()).sum()
    }

    /// Prompt tokens scored by the step.
    pub fn num_scores(&self) -> usize {
        self.works.iter().map(|work| work.scores.len()).sum()
    }

    /// Works of which a vector, or states, are wanted, in plan order.
    pub fn pooled(&self) -> impl Iterator<Item = &Work> {
        self.works.iter().filter(|work| work.pooled)
    }

    /// Empties the plan and keeps the buffers of its parts in `spare`.
    pub(crate) fn recycle(&mut self, spare: &mut Vec<Work>) {
        self.copies.clear();
        for mut work in self.works.drain(..) {
            work.tokens.clear();
            work.blocks.clear();
            work.windowed.clear();
            work.history.clear();
            work.samples.clear();
            work.scores.clear();
            spare.push(work);
        }
    }
}

impl SampleSpec {
    /// The draw after this one, from the row behind.
    pub(crate) fn next(&self) -> Self {
        Self { row: self.row + 1, generated: self.generated + 1, ..self.clone() }
    }
}

impl Work {
    /// The tokens that a draw of this work has seen; empty if its settings do not ask for them.
    pub fn seen(&self, spec: &SampleSpec) -> &[Token] {
        if self.history.is_empty() { &[] } else { &self.history[..=self.start + spec.row] }
    }

    /// Proposals among its tokens: those behind the first row that is drawn from.
    pub fn proposals(&self) -> usize {
        self.samples.first().map_or(0, |first| self.tokens.len() - 1 - first.row)
    }

    /// Nothing to compute yet.
    pub fn empty(seq: SeqId) -> Self {
        Self {
            seq,
            start: 0,
            tokens: Vec::new(),
            blocks: Vec::new(),
            windowed: Vec::new(),
            history: Vec::new(),
            samples: Vec::new(),
            pooled: false,
            second: None,
            asked: Arc::default(),
            states_from: None,
            scores: Vec::new(),
        }
    }
}
