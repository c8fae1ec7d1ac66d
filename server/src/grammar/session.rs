//! The masks of one prompt's choices: each token that is drawn asks for the mask of the next, on a thread of its own lane.
//! Where beams part, each goes on with a copy.
//!
//! Invariant: of each choice one mask is asked for at a time, that of the position it draws next; every mask that is
//! asked for is settled, if only as failed.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use llguidance::Matcher;
use scheduler::{MaskSource, MaskState, Token, TokenMask};

use super::{
    compiler::CompiledGrammar,
    free_text::FreeText,
    thought::{Step, Thought},
};
use crate::{lane::Lane, quota::Share, shown_tokens::ShownTokens};

/// The masks of one prompt.
pub struct GrammarSession {
    choices: Box<[Choice]>,
    shown: ShownTokens,
    lane: Lane,
    _in_use: Share,
}

struct Choice {
    /// The grammar's own; all tokens without one.
    first: Arc<TokenMask>,
    next: Mutex<Next>,
}

/// A grammar on its way through one text. A thread of the lane moves it on; `None` if that failed, or until a copy is made.
type Machine = Arc<Mutex<Option<Matcher>>>;

/// How the masks of a session begin.
pub(super) struct Beginning<'a> {
    pub(super) grammar: Option<&'a CompiledGrammar>,
    /// What the answer proper may begin with, if it is bound from there on.
    pub(super) first: Arc<TokenMask>,
    /// What comes before all else.
    pub(super) thought: Option<Thought>,
}

/// The mask of the next draw.
#[derive(Clone)]
struct Next {
    /// None where the answer is free. Beams share it until it moves on.
    machine: Option<Machine>,
    /// Tokens drawn before it.
    generated: usize,
    mask: Arc<Slot>,
    /// The thought before the answer, while it lasts.
    thought: Option<Thought>,
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
        beginning: &Beginning<'_>,
        choices: usize,
        shown: ShownTokens,
        (lane, in_use): (Lane, Share),
    ) -> Self {
        let first = &beginning.first;
        let choice = |_| {
            let (thought, free) =
                (beginning.thought.clone(), beginning.grammar.and_then(CompiledGrammar::free).cloned());
            let machine = beginning.grammar.map(|grammar| Arc::new(Mutex::new(Some(grammar.matcher()))));
            let mut next = Next { machine, generated: 0, mask: Arc::default(), thought, free };
            next.settle(first);
            Choice { first: Arc::clone(first), next: Mutex::new(next) }
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
        let bound = next.push(token, self.shown.bytes(token));
        let Some(machine) = next.machine.as_ref().filter(|_| !bound.is_empty()).map(Arc::clone) else {
            next.settle(&choice.first);
            return;
        };
        let settle = next.ask();
        drop(next);
        self.lane.run(move || settle.with(mask_after(&mut lock(&machine), &bound)));
    }

    fn fork(&self, beams: &[(u32, Token)]) {
        let before: Vec<Next> = beams.iter().map(|(choice, _)| self.choices[*choice as usize].next().clone()).collect();
        for ((choice, mut next), (_, token)) in self.choices.iter().zip(before).zip(beams) {
            let bound = next.push(*token, self.shown.bytes(*token));
            let Some(before) = next.machine.as_ref().filter(|_| !bound.is_empty()).map(Arc::clone) else {
                next.settle(&choice.first);
                *choice.next() = next;
                continue;
            };
            let (settle, machine) = (next.ask(), Machine::default());
            next.machine = Some(Arc::clone(&machine));
            *choice.next() = next;
            self.lane.run(move || {
                let mut machine = lock(&machine);
                *machine = lock(&before).as_ref().map(Matcher::deep_clone);
                settle.with(mask_after(&mut machine, &bound));
            });
        }
    }

    fn wait(&self, choice: u32) {
        let mask = Arc::clone(&self.choices[choice as usize].next().mask);
        mask.wait();
    }
}

impl Choice {
    fn next(&self) -> MutexGuard<'_, Next> {
        lock(&self.next)
    }
}

impl Next {
    /// Adds a token, and gives what of the text is the grammar's now: nothing before the grammar begins.
    fn push(&mut self, token: Token, bytes: &[u8]) -> Vec<Token> {
        self.generated += 1;
        match self.thought.as_mut().map(|thought| thought.push(token, bytes)) {
            Some(Step::Thought) => {
                // What may have been the beginning of the text was that of the thought.
                self.free.iter_mut().for_each(FreeText::restart);
                return Vec::new();
            }
            Some(Step::Answer) => self.thought = None,
            Some(Step::Undecided) | None => {}
        }
        let Some(free) = &mut self.free else { return vec![token] };
        let opened = free.opens(token, bytes);
        if opened.is_some() {
            (self.thought, self.free) = (None, None);
        }
        opened.unwrap_or_default()
    }

    /// Promises the next mask.
    fn ask(&mut self) -> Settle {
        let settle = Settle(Arc::default());
        self.mask = Arc::clone(&settle.0);
        settle
    }

    /// Makes the mask of a draw before the grammar, or of its first.
    fn settle(&mut self, first: &Arc<TokenMask>) {
        let answer = self.free.as_ref().map_or(first, FreeText::mask);
        let mask = self.thought.as_ref().map_or_else(|| Arc::clone(answer), |thought| thought.mask(answer));
        self.mask = Arc::new(OnceLock::from(Some(mask)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What may follow the tokens; where the grammar is complete, the model's end tokens.
fn mask_after(machine: &mut Option<Matcher>, tokens: &[Token]) -> Option<Arc<TokenMask>> {
    let matcher = machine.as_mut()?;
    matcher.consume_tokens(tokens).ok()?;
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
