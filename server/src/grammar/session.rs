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

use super::{compiler::CompiledGrammar, free_text::FreeText};
use crate::{lane::Lane, quota::Share, shown_tokens::ShownTokens};

/// The masks of one prompt.
pub struct GrammarSession {
    choices: Box<[Choice]>,
    shown: ShownTokens,
    lane: Lane,
    _in_use: Share,
}

struct Choice {
    matcher: Arc<Mutex<Matcher>>,
    /// The grammar's own.
    first: Arc<TokenMask>,
    next: Mutex<Next>,
}

/// The mask of the next draw.
struct Next {
    /// Tokens drawn before it.
    generated: usize,
    mask: Arc<Slot>,
    /// The text before the grammar, while it lasts.
    free: Option<FreeText>,
}

/// A mask, once it is made; `None` if making it failed.
type Slot = OnceLock<Option<Arc<TokenMask>>>;

/// Settles a slot as failed if nobody else does.
struct Settle(Arc<Slot>);

impl GrammarSession {
    /// Masks of so many choices, each from the beginning.
    pub(super) fn new(
        grammar: &CompiledGrammar,
        choices: usize,
        shown: ShownTokens,
        (lane, in_use): (Lane, Share),
    ) -> Self {
        let free = grammar.free();
        let first = free.map_or(grammar.first(), FreeText::mask);
        let choice = |_| Choice {
            matcher: Arc::new(Mutex::new(grammar.matcher())),
            first: Arc::clone(grammar.first()),
            next: Mutex::new(Next { generated: 0, mask: made(first), free: free.cloned() }),
        };
        Self { choices: (0..choices).map(choice).collect(), shown, lane, _in_use: in_use }
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
        let mut next = choice.next();
        next.generated += 1;
        if next.goes_on_freely(self.shown.bytes(token), &choice.first) {
            return;
        }
        let settle = Settle(Arc::default());
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

impl Next {
    /// Adds a token to the text before the grammar; false if there is none any more. With the token that ends it the
    /// grammar is at its beginning.
    fn goes_on_freely(&mut self, bytes: &[u8], first: &Arc<TokenMask>) -> bool {
        let Some(free) = &mut self.free else { return false };
        if free.opens(bytes) {
            self.mask = made(first);
            self.free = None;
        } else {
            self.mask = made(free.mask());
        }
        true
    }
}

/// A mask that is there already.
fn made(mask: &Arc<TokenMask>) -> Arc<Slot> {
    Arc::new(OnceLock::from(Some(Arc::clone(mask))))
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
