//! What a sequence may draw, where its text is bound to a form: masks of tokens, made by somebody else beside the steps.
//!
//! The scheduler hands a constraint on and calls none of it. An executor asks it for masks; whoever drives the loop
//! tells it the tokens that were drawn. Like randomness, a mask is a function of the choice and its position.

use std::{fmt, ops::Deref, sync::Arc};

use crate::Token;

/// A set of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenMask {
    /// One bit for each token, the lowest first; tokens past the end are not in the set.
    words: Box<[u32]>,
}

/// The mask of one draw, as far as it is made.
#[derive(Clone, Debug)]
pub enum MaskState {
    /// These tokens may be drawn.
    Ready(Arc<TokenMask>),
    /// It is still being made: the draw has to wait for a later step.
    Late,
    /// There will be none: making it failed, or nothing may be drawn.
    Failed,
}

/// Makes the masks of one request's choices.
pub trait MaskSource: fmt::Debug + Send + Sync {
    /// What `choice` may draw after `generated` tokens. Never waits.
    fn mask(&self, choice: u32, generated: usize) -> MaskState;

    /// Tells that `choice` drew a token, so that its next mask can be made. Never waits.
    fn advance(&self, choice: u32, token: Token);

    /// Tells how the beams of a search go on: number `i` from now on is what choice `beams[i].0` was, with this token behind
    /// it. Never waits.
    fn fork(&self, beams: &[(u32, Token)]);

    /// Waits until the mask that `choice` needs next is made, or will never be.
    fn wait(&self, choice: u32);
}

/// A shared mask source, equal to itself only.
#[derive(Clone, Debug)]
pub struct Constraint(pub Arc<dyn MaskSource>);

impl TokenMask {
    /// The set whose bits these are, token 0 in the lowest bit of the first word.
    pub fn new(words: impl Into<Box<[u32]>>) -> Self {
        Self { words: words.into() }
    }

    /// Whether the token is in the set.
    pub fn allows(&self, token: Token) -> bool {
        let word = self.words.get(token as usize / 32).copied().unwrap_or(0);
        word >> (token % 32) & 1 == 1
    }

    /// Whether no token is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Its tokens, the lowest first.
    pub fn tokens(&self) -> impl Iterator<Item = Token> {
        (0..32 * self.words.len() as Token).filter(|token| self.allows(*token))
    }

    /// The bits, 32 tokens a word.
    pub fn words(&self) -> &[u32] {
        &self.words
    }
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Constraint {
    type Target = dyn MaskSource;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_set_of_tokens() {
        let mask = TokenMask::new([0b101, 1 << 31]);
        let allowed: Vec<Token> = (0..100).filter(|token| mask.allows(*token)).collect();
        assert_eq!(allowed, [0, 2, 63]);
        assert_eq!(mask.tokens().collect::<Vec<_>>(), allowed);
        assert!(!mask.is_empty() && TokenMask::new([0, 0]).is_empty());
    }
}
