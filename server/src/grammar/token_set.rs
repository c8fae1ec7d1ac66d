//! Masks put together from sets of tokens.

use std::sync::Arc;

use scheduler::{Token, TokenMask};

use crate::tokenizer::Tokenizer;

/// All tokens of a model.
pub(super) fn every_token(tokenizer: &Tokenizer) -> TokenMask {
    TokenMask::new(vec![u32::MAX; tokenizer.vocab_size().div_ceil(32)])
}

/// These tokens of a model.
pub(super) fn only(tokenizer: &Tokenizer, tokens: impl IntoIterator<Item = Token>) -> TokenMask {
    let mut words = vec![0; tokenizer.vocab_size().div_ceil(32)];
    for token in tokens {
        words[token as usize / 32] |= 1 << (token % 32);
    }
    TokenMask::new(words)
}

/// What is in either set.
pub(super) fn union(one: &TokenMask, other: &TokenMask) -> TokenMask {
    let length = one.words().len().max(other.words().len());
    let word = |set: &TokenMask, index: usize| set.words().get(index).copied().unwrap_or(0);
    TokenMask::new((0..length).map(|index| word(one, index) | word(other, index)).collect::<Vec<_>>())
}

/// The set without some of its tokens; the same one if there are none.
pub(super) fn without(set: &Arc<TokenMask>, tokens: impl IntoIterator<Item = Token>) -> Arc<TokenMask> {
    let mut tokens = tokens.into_iter().peekable();
    if tokens.peek().is_none() {
        return Arc::clone(set);
    }
    let mut words = set.words().to_vec();
    for token in tokens {
        if let Some(word) = words.get_mut(token as usize / 32) {
            *word &= !(1 << (token % 32));
        }
    }
    Arc::new(TokenMask::new(words))
}
