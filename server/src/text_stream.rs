//! The text of one answer while it is being made: detokenizer, then stop matcher.
//!
//! Invariant: every delta is whole characters, and no text is shown that a stop string will take back.

use std::sync::Arc;

use scheduler::Token;

pub use crate::stop_matcher::{Delta, StopRules};
use crate::{detokenizer::Detokenizer, stop_matcher::StopMatcher, tokenizer::Tokenizer};

/// How an answer's text is made.
#[derive(Debug, Clone, Default)]
pub struct TextRules {
    /// What ends it.
    pub stop: StopRules,
    /// Whether special tokens are left out.
    pub skip_special: bool,
    /// Before so many tokens nothing ends it.
    pub min_tokens: usize,
}

/// The text of one answer.
#[derive(Debug)]
pub struct TextStream {
    detokenizer: Detokenizer,
    stop: StopMatcher,
    /// Tokens to come before stop strings are looked for.
    unwatched: usize,
}

impl TextStream {
    /// Begins an answer.
    pub fn new(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        let detokenizer = Detokenizer::new(tokenizer, rules.skip_special);
        Self { detokenizer, stop: StopMatcher::new(rules.stop), unwatched: rules.min_tokens }
    }

    /// Begins an answer that goes on in the middle of a text: its first space is kept.
    pub fn continuing(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        let detokenizer = Detokenizer::continuing(tokenizer, rules.skip_special);
        Self { detokenizer, stop: StopMatcher::new(rules.stop), unwatched: rules.min_tokens }
    }

    /// Adds a token and gives the text that is settled now.
    pub fn push(&mut self, token: Token) -> Delta {
        let text = self.detokenizer.push(token);
        if self.unwatched > 0 {
            self.unwatched -= 1;
            return Delta { text, stopped: None };
        }
        self.stop.push(&text)
    }

    /// Ends the answer: gives what was held back.
    pub fn finish(&mut self) -> String {
        let last = self.detokenizer.finish();
        let mut text = self.stop.push(&last).text;
        text.push_str(&self.stop.finish());
        text
    }
}
