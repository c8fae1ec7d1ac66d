//! A text that is free until it opens calls: nothing has to be computed for its masks.
//!
//! The opening words end with a token, so that the grammar begins between two: tokens that would end in the middle of
//! what follows are the only ones that a mask leaves out.

use std::sync::Arc;

use scheduler::{Token, TokenMask};

use crate::{
    tokenizer::Tokenizer,
    tools::{CallFormat, trigger::Trigger},
};

/// The masks of a free text, by how many bytes of the opening words it ends with.
#[derive(Clone, Debug)]
pub(super) struct FreeText {
    trigger: Trigger,
    masks: Arc<[Arc<TokenMask>]>,
}

impl FreeText {
    /// The text before calls of this format.
    pub(super) fn new(tokenizer: &Tokenizer, format: &CallFormat) -> Self {
        let all = Arc::new(every_token(tokenizer));
        let suspects = suspects(tokenizer, format);
        let mut trigger = Trigger::new(format);
        let mut masks = Vec::new();
        for byte in format.open.bytes() {
            masks.push(without(&all, suspects.iter().copied().filter(|token| passes(&trigger, tokenizer, *token))));
            trigger.step(byte);
        }
        Self { trigger: Trigger::new(format), masks: masks.into() }
    }

    /// What may be drawn next.
    pub(super) fn mask(&self) -> &Arc<TokenMask> {
        &self.masks[self.trigger.held()]
    }

    /// Adds the bytes of a token; true where they open calls.
    pub(super) fn opens(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().fold(false, |_, byte| self.trigger.step(*byte))
    }
}

/// Tokens that hold the last byte of the opening words, and more behind it.
fn suspects(tokenizer: &Tokenizer, format: &CallFormat) -> Vec<Token> {
    let last = format.open.as_bytes()[format.open.len() - 1];
    let holds_more =
        |token: &Token| tokenizer.token_bytes(*token).split_last().is_some_and(|(_, rest)| rest.contains(&last));
    (0..tokenizer.vocab_size() as Token).filter(holds_more).collect()
}

/// Whether a token completes the opening words and goes on.
fn passes(trigger: &Trigger, tokenizer: &Tokenizer, token: Token) -> bool {
    let mut trigger = trigger.clone();
    let bytes = tokenizer.token_bytes(token);
    bytes.iter().position(|byte| trigger.step(*byte)).is_some_and(|at| at + 1 < bytes.len())
}

fn every_token(tokenizer: &Tokenizer) -> TokenMask {
    TokenMask::new(vec![u32::MAX; tokenizer.vocab_size().div_ceil(32)])
}

/// The set without some of its tokens; the same one if there are none.
fn without(all: &Arc<TokenMask>, tokens: impl Iterator<Item = Token>) -> Arc<TokenMask> {
    let mut tokens = tokens.peekable();
    if tokens.peek().is_none() {
        return Arc::clone(all);
    }
    let mut words = all.words().to_vec();
    for token in tokens {
        words[token as usize / 32] &= !(1 << (token % 32));
    }
    Arc::new(TokenMask::new(words))
}
