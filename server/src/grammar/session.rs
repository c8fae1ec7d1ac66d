//! The masks of one prompt's choices: each token that is drawn asks for the mask of the next, on a thread of its own lane.
//!
//! Invariant: of each choice one mask is asked for at a time, that of the position it draws next; every mask that is
//! asked for is settled, if only as failed.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use llguidance::Matcher;
use scheduler::{MaskSource, MaskState, Token, TokenMask};

use super::compiler::CompiledGrammar;
use crate::{lane::Lane, quota::Share};

/// The masks of one prompt.
pub struct GrammarSession {
    choices: Box<[Choice]>,
    lane: Lane,
    _in_use: Share,
}

struct Choice {
    matcher: Arc<Mutex<Matcher>>,
    next: Mutex<Next>,
}

/// The mask of the next draw.
struct Next {
    /// Tokens drawn before it.
    generated: usize,
    mask: Arc<Slot>,
}

/// A mask, once it is made; `None` if making it failed.
type Slot = OnceLock<Option<Arc<TokenMask>>>;

/// Settles a slot as failed if nobody else does.
struct Settle(Arc<Slot>);

impl GrammarSession {
    pub(super) fn new(grammar: &CompiledGrammar, choices: usize, lane: Lane, in_use: Share) -> Self {
        let choice = |_| Choice {
            matcher: Arc::new(Mutex::new(grammar.matcher())),
            next: Mutex::new(Next { generated: 0, mask: Arc::new(OnceLock::from(Some(Arc::clone(grammar.first())))) }),
        };
        Self { choices: (0..choices).map(choice).collect(), lane, _in_use: in_use }
    }
}

impl MaskSource for GrammarSession {
    fn mask(&self, choice: u32, generated: usize) -> MaskState {
        let next = self.choices[choice as usize].next();
        assert_eq!(next.generated, generated, "a choice draws the tokens that its masks were made for");
        match next.mask.get() {
            None => MaskState::Late,
            Some(None) => MaskState::Failed,
            Some(Some(mask)) => MaskState::Ready(Arc::clone(mask)),
        }
    }

    fn advance(&self, choice: u32, token: Token) {
        let choice = &self.choices[choice as usize];
        let settle = Settle(Arc::default());
        let mut next = choice.next();
        next.generated += 1;
        next.mask = Arc::clone(&settle.0);
        drop(next);
        let matcher = Arc::clone(&choice.matcher);
        self.lane.run(move || {
            let mut matcher = matcher.lock().unwrap_or_else(PoisonError::into_inner);
            settle.with(mask_after(&mut matcher, token));
        });
    }

    fn wait(&self, choice: u32) {
        let mask = Arc::clone(&self.choices[choice as usize].next().mask);
        mask.wait();
    }
}

impl Choice {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may follow the token; where the grammar is complete, the model's end tokens.
fn mask_after(matcher: &mut Matcher, token: Token) -> Option<Arc<TokenMask>> {
    matcher.consume_token(token).ok()?;
    let mask = matcher.compute_mask_or_eos().ok()?;
    Some(Arc::new(TokenMask::new(Vec::from(mask))))
}

impl Settle {
    fn with(&self, mask: Option<Arc<TokenMask>>) {
        // Set once, here or in `drop`.
        let _ = self.0.set(mask);
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.with(None);
    }
}

impl fmt::Debug for GrammarSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GrammarSession").field("choices", &self.choices.len()).finish_non_exhaustive()
    }
}
