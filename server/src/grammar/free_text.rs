//! A text that is free until it opens calls: nothing has to be computed for its masks.
//!
//! The opening words end with a token, so that the grammar begins between two: tokens that would end in the middle of
//! what follows are the only ones that a mask leaves out. Where the answer begins with them or has none, the grammar has
//! to be told the tokens that they came in.

use std::{collections::HashMap, sync::Arc};

use scheduler::{Token, TokenMask};

use super::token_set::{every_token, without};
use crate::{
    tokenizer::Tokenizer,
    tools::{AnswerCalls, trigger::Trigger},
};

/// The masks of a text that ends with some words, by the states of their trigger: all tokens but those that complete the
/// words and go on.
pub(super) type UntilWords = Arc<[Arc<TokenMask>]>;

/// A free text before calls, and its masks.
#[derive(Clone, Debug)]
pub(super) struct FreeText {
    trigger: Trigger,
    masks: UntilWords,
    /// What the grammar has to be told where calls begin now.
    tokens: Vec<Token>,
}

impl FreeText {
    /// The text before calls.
    pub(super) fn new(tokenizer: &Tokenizer, calls: &AnswerCalls) -> Self {
        let all = Arc::new(every_token(tokenizer));
        let trigger = Trigger::of_calls(calls);
        Self { masks: until_words(tokenizer, &all, &trigger), trigger, tokens: Vec::new() }
    }

    /// What may be drawn next.
    pub(super) fn mask(&self) -> &Arc<TokenMask> {
        &self.masks[self.trigger.state()]
    }

    /// Adds a token and its bytes; where they open calls, gives the tokens that the grammar begins with.
    pub(super) fn opens(&mut self, token: Token, bytes: &[u8]) -> Option<Vec<Token>> {
        let opens = bytes.iter().fold(false, |_, byte| self.trigger.step(*byte));
        // What the text does not show is none of the words.
        if self.trigger.is_at_beginning() && !self.trigger.is_over() && !bytes.is_empty() {
            self.tokens.push(token);
        }
        opens.then(|| std::mem::take(&mut self.tokens))
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) {
        self.trigger.restart();
        self.tokens.clear();
    }
}

/// The masks of a text of these tokens until the words of a trigger are complete.
pub(super) fn until_words(tokenizer: &Tokenizer, all: &Arc<TokenMask>, trigger: &Trigger) -> UntilWords {
    let suspects = trigger.last_byte().map(|last| suspects(tokenizer, last)).unwrap_or_default();
    let mut made: HashMap<Vec<Token>, Arc<TokenMask>> = HashMap::new();
    let mask = |state: Trigger| {
        let left_out: Vec<Token> = suspects.iter().copied().filter(|token| passes(&state, tokenizer, *token)).collect();
        let mask = made.entry(left_out).or_insert_with_key(|tokens| without(all, tokens.iter().copied()));
        Arc::clone(mask)
    };
    trigger.states().into_iter().map(mask).collect()
}

/// Tokens that hold the last byte of the words, and more behind it.
fn suspects(tokenizer: &Tokenizer, last: u8) -> Vec<Token> {
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
