//! The thought before an answer: free text, whatever the answer is bound to, and as long as its budget lets it be.
//!
//! Where the answer is bound, its marker ends with a token and white space behind it comes in tokens of its own, so that
//! the grammar begins between two. Once the budget is spent, the closing marker is all that may be drawn.

use std::sync::Arc;

use scheduler::{Token, TokenMask};

use super::{
    free_text::{UntilWords, until_words},
    token_set::{every_token, only, union, without},
};
use crate::{
    reasoning::{
        ReasoningFormat, Thinking,
        watch::{Stage, ThoughtWatch},
    },
    tokenizer::Tokenizer,
    tools::trigger::Trigger,
};

/// Tokens of white space between a thought and an answer that is bound.
const MAX_GAP: usize = 4;

/// A thought that masks are made for.
#[derive(Clone, Copy, Debug)]
pub struct BoundThought {
    /// How the answer may begin with it.
    pub thinking: Thinking,
    /// Its tokens at most.
    pub budget: Option<usize>,
}

/// What stands behind a thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// A free answer.
    Anything,
    /// Text that may open calls.
    Text,
    /// A grammar.
    Grammar,
}

/// The masks of a model's thoughts.
#[derive(Debug)]
pub(super) struct ThoughtMasks {
    /// By how much of the closing marker has come; no token ends the answer.
    inside: UntilWords,
    every: Arc<TokenMask>,
    /// The opening marker, where it is one token.
    open: Option<Token>,
    opening: TokenMask,
    close: Vec<Arc<TokenMask>>,
    /// White space alone.
    spaces: TokenMask,
    /// White space, and text behind it.
    spaced: Vec<Token>,
}

/// A thought, as far as it has come.
#[derive(Clone, Debug)]
pub(super) struct Thought {
    masks: Arc<ThoughtMasks>,
    watch: ThoughtWatch,
    behind: Behind,
    budget: Option<usize>,
    /// Tokens drawn in it.
    spent: usize,
    /// Tokens of the closing marker that were all that could be drawn.
    closing: usize,
    /// Tokens behind it.
    gap: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The beginning of a thought or of the answer.
    Undecided,
    /// Part of the thought, or of the gap behind it.
    Thought,
    /// Part of the answer.
    Answer,
}

impl ThoughtMasks {
    /// The masks of a model whose answers end with one of `ends`.
    pub(super) fn new(tokenizer: &Tokenizer, format: &ReasoningFormat, ends: &[Token]) -> Self {
        let every = Arc::new(every_token(tokenizer));
        let goes_on = without(&every, ends.iter().copied());
        let spell = |marker| tokenizer.encode(marker, false).unwrap_or_default();
        let open = match spell(format.open)[..] {
            [token] if tokenizer.token_bytes(token) == format.open.as_bytes() => Some(token),
            _ => None,
        };
        let starts_spaced = |token: &Token| tokenizer.token_bytes(*token).first().is_some_and(u8::is_ascii_whitespace);
        let is_space = |token: &Token| tokenizer.token_bytes(*token).trim_ascii().is_empty();
        let with_space = (0..tokenizer.vocab_size() as Token).filter(starts_spaced);
        let (spaces, spaced): (Vec<Token>, Vec<Token>) = with_space.partition(is_space);
        Self {
            inside: until_words(tokenizer, &goes_on, &Trigger::anywhere(format.close)),
            every,
            open,
            opening: only(tokenizer, open),
            close: spell(format.close).into_iter().map(|token| Arc::new(only(tokenizer, [token]))).collect(),
            spaces: only(tokenizer, spaces),
            spaced,
        }
    }

    /// Whether the opening marker is one token.
    pub(super) fn open_with_a_token(&self) -> bool {
        self.open.is_some()
    }
}

impl Thought {
    /// A thought that may begin.
    pub(super) fn new(masks: &Arc<ThoughtMasks>, thought: BoundThought, behind: Behind) -> Self {
        let BoundThought { thinking, budget } = thought;
        let (masks, watch) = (Arc::clone(masks), ThoughtWatch::new(thinking));
        Self { masks, watch, behind, budget, spent: 0, closing: 0, gap: 0 }
    }

    /// What may be drawn next, where the answer proper would begin with `answer`.
    pub(super) fn mask(&self, answer: &Arc<TokenMask>) -> Arc<TokenMask> {
        let masks = &self.masks;
        match self.watch.stage() {
            Stage::Before if !self.watch.is_thinking() => Arc::new(union(answer, &masks.opening)),
            Stage::Before | Stage::Inside => match self.closing_mask() {
                Some(mask) => Arc::clone(mask),
                None if self.behind == Behind::Anything => Arc::clone(&masks.every),
                None => Arc::clone(&masks.inside[self.watch.closed()]),
            },
            Stage::Gap if self.behind == Behind::Text => without(answer, masks.spaced.iter().copied()),
            Stage::Gap if self.gap < MAX_GAP => Arc::new(union(answer, &masks.spaces)),
            Stage::Gap | Stage::Over => Arc::clone(answer),
        }
    }

    /// Adds a token, and the bytes of it that the text shows.
    pub(super) fn push(&mut self, token: Token, bytes: &[u8]) -> Step {
        let before = self.watch.stage();
        let was_thinking = self.watch.is_thinking();
        if before == Stage::Before && !was_thinking && self.behind == Behind::Grammar && Some(token) != self.masks.open
        {
            return Step::Answer;
        }
        if before == Stage::Gap && self.behind == Behind::Grammar && self.gap == MAX_GAP {
            return Step::Answer;
        }
        self.closing += usize::from(before != Stage::Gap && self.is_spent());
        self.spent += usize::from(before != Stage::Gap && was_thinking);
        for byte in bytes {
            self.watch.step(*byte);
        }
        self.gap += usize::from(before == Stage::Gap);
        match self.watch.stage() {
            Stage::Gap if self.behind == Behind::Anything => Step::Answer,
            Stage::Over => Step::Answer,
            Stage::Before if !was_thinking => Step::Undecided,
            Stage::Before | Stage::Inside | Stage::Gap => Step::Thought,
        }
    }

    /// What alone may be drawn once the budget is spent.
    fn closing_mask(&self) -> Option<&Arc<TokenMask>> {
        self.masks.close.get(self.closing).filter(|_| self.is_spent())
    }

    fn is_spent(&self) -> bool {
        self.watch.is_thinking() && self.budget.is_some_and(|budget| self.spent >= budget)
    }
}
