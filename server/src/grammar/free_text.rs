//! A text that is free until it opens calls: nothing has to be computed for its masks.
//!
//! The opening words end with a token, so that the grammar begins between two: tokens that would end in the middle of
//! what follows are the only ones that a mask leaves out.

use std::sync::Arc;

use scheduler::{Token, TokenMask};

use super::token_set::{every_token, without};
use crate::{
    tokenizer::Tokenizer,
    tools::{CallFormat, trigger::Trigger},
};

/// The masks of a text that ends with some words, by how many of their bytes it ends with so far: all tokens but those
/// that complete the words and go on.
pub(super) type UntilWords = Arc<[Arc<TokenMask>]>;

/// A free text before calls, and its masks.
#[derive(Clone, Debug)]
pub(super) struct FreeText {
    trigger: Trigger,
    masks: UntilWords,
}

impl FreeText {
    /// The text before calls of this format.
    pub(super) fn new(tokenizer: &Tokenizer, format: &CallFormat) -> Self {
        let all = Arc::new(every_token(tokenizer));
        let trigger = Trigger::new(format);
        Self { masks: until_words(tokenizer, &all, &trigger), trigger }
    }

    /// What may be drawn next.
    pub(super) fn mask(&self) -> &Arc<TokenMask> {
        &self.masks[self.trigger.held()]
    }

    /// Adds the bytes of a token; true where they open calls.
    pub(super) fn opens(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().fold(false, |_, byte| self.trigger.step(*byte))
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) {
        self.trigger.restart();
    }
}

/// The masks of a text of these tokens until the words of a trigger are complete.
pub(super) fn until_words(tokenizer: &Tokenizer, all: &Arc<TokenMask>, trigger: &Trigger) -> UntilWords {
    let suspects = suspects(tokenizer, trigger.words());
    let mut trigger = trigger.clone();
    let mut masks = Vec::new();
    for byte in trigger.words().to_owned().bytes() {
        masks.push(without(all, suspects.iter().copied().filter(|token| passes(&trigger, tokenizer, *token))));
        trigger.step(byte);
    }
    masks.into()
}

/// Tokens that hold the last byte of the words, and more behind it.
fn suspects(tokenizer: &Tokenizer, words: &str) -> Vec<Token> {
    let last = words.as_bytes()[words.len() - 1];
    let holds_more =
        |token: &Token| tokenizer.token_bytes(*token).split_last().is_some_and(|(_, rest)| rest.contains(&last));
    (0..tokenizer.vocab_size() as Token).filter(holds_more).collect()
}

/// Whether a token completes the words and goes on.
fn passes(trigger: &Trigger, tokenizer: &Tokenizer, token: Token) -> bool {
    let mut trigger = trigger.clone();
    let bytes = tokenizer.token_bytes(token);
    bytes.iter().position(|byte| trigger.step(*byte)).is_some_and(|at| at + 1 < bytes.len())
}
