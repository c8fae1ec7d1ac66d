//! One sequence's tie to the constraint of its request, as the engine thread sees it.

use scheduler::{Constraint, MaskState, SeqId, Submission, Token};

/// Which choice of which constraint, and how far it is.
#[derive(Debug)]
pub(crate) struct Bound {
    constraint: Constraint,
    choice: u32,
    generated: usize,
    /// Its next mask was not there when a step began.
    missed: bool,
    /// It is an answer of a beam search, whose masks are those of beams.
    of_search: bool,
}

impl Bound {
    /// The answers of a submission, each with its tie if there is a constraint.
    pub(crate) fn all(submission: &Submission) -> Vec<(SeqId, Option<Self>)> {
        let bound = |choice| {
            let constraint = submission.params.constraint.clone()?;
            Some(Self { constraint, choice, generated: 0, missed: false, of_search: submission.params.beams.is_some() })
        };
        (0..).zip(submission.answers()).map(|(choice, seq)| (*seq, bound(choice))).collect()
    }

    /// Tells the token that was drawn.
    pub(crate) fn advance(&mut self, token: Token) {
        if self.of_search {
            return;
        }
        self.generated += 1;
        self.missed = false;
        self.constraint.advance(self.choice, token);
    }

    /// Tells how beams go on.
    pub(crate) fn fork(&self, beams: &[(u32, Token)]) {
        self.constraint.fork(beams);
    }

    /// Whether the mask that is not there now was not there when the last step began either. The first time a sequence
    /// joins the step all the same: its mask is made while the step computes.
    /// Beams are never held: one whose mask is late is computed again beside the others.
    pub(crate) fn was_late(&mut self) -> bool {
        if self.of_search {
            return false;
        }
        let is_late = matches!(self.constraint.mask(self.choice, self.generated), MaskState::Late);
        std::mem::replace(&mut self.missed, is_late) && is_late
    }

    /// Waits until the next mask is there.
    pub(crate) fn wait(&self) {
        self.constraint.wait(self.choice);
    }
}
