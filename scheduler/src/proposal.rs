//! What may come next in a sequence, and where that was found.

use crate::prediction::Place;
use crate::prompt_lookup::Repeat;
use crate::sequence::Sequence;
use crate::{Speculation, Token};

/// Guesses for the next tokens of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proposal {
    /// From what the client said would come.
    Predicted(Place),
    /// From what followed the same tokens earlier in the text.
    Repeated(Repeat),
}

impl Proposal {
    /// Looks a sequence up: in its prediction first, and in its own text where that is wanted.
    pub(crate) fn find(sequence: &Sequence, speculation: &Speculation) -> Option<Self> {
        let answer = &sequence.tokens[sequence.stats.prompt_tokens..];
        let predicted = sequence.prediction.find(answer, speculation).map(Self::Predicted);
        let repeated = || Repeat::find(&sequence.tokens, speculation).map(Self::Repeated);
        predicted.or_else(|| if speculation.own_text { repeated() } else { None })
    }

    /// How many of the last tokens vouch for it.
    pub(crate) fn matched(self) -> usize {
        match self {
            Self::Predicted(place) => place.matched,
            Self::Repeated(repeat) => repeat.matched,
        }
    }

    /// How many tokens it proposes.
    pub(crate) fn len(self, sequence: &Sequence) -> usize {
        match self {
            Self::Predicted(place) => sequence.prediction.left(place),
            Self::Repeated(_) => usize::MAX,
        }
    }

    /// Proposed token number `index`, counted from where the sequence stood when it was looked up; a prediction has an
    /// end.
    pub(crate) fn token(self, sequence: &Sequence, index: usize) -> Option<Token> {
        match self {
            Self::Predicted(place) => sequence.prediction.token(place, index),
            Self::Repeated(repeat) => Some(repeat.token(&sequence.tokens, index)),
        }
    }
}
