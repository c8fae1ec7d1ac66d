//! A client's guess of the answer, followed as far as the answer keeps to it.
//!
//! Where the answer leaves the guess, its last tokens are looked up in it: first from where it was left on, so that an
//! insertion or a changed word costs no more than the tokens it consists of.

use std::sync::Arc;

use crate::prompt_lookup::common_end;
use crate::{Speculation, Token};

/// What was guessed, and how far the answer has followed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prediction {
    tokens: Arc<[Token]>,
    /// Where the last token that came true stands, plus one.
    followed: usize,
}

/// A place in the guess: what stands from there on may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Position of the first proposed token.
    from: usize,
    /// How many of the answer's last tokens stand before it.
    pub(crate) matched: usize,
}

impl Prediction {
    pub(crate) fn new(tokens: Arc<[Token]>) -> Self {
        Self { tokens, followed: 0 }
    }

    /// Whether nothing was guessed.
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Where an answer goes on in the guess: the longest run of last tokens wins, and of equally long ones the next
    /// place. An answer that is the guess's beginning needs no run: its place is vouched for as well as any.
    pub(crate) fn find(&self, answer: &[Token], speculation: &Speculation) -> Option<Place> {
        let most = speculation.prompt_lookup_max;
        let mut best = None;
        let mut least = speculation.prompt_lookup_min.max(1);
        for from in (self.followed..self.tokens.len()).chain(0..self.followed) {
            let matched = common_end(&self.tokens[..from], answer, most);
            if matched == answer.len() && matched == from {
                return Some(Place { from, matched: most });
            }
            if matched >= least {
                best = Some(Place { from, matched });
                least = matched + 1;
            }
            if least > most {
                break;
            }
        }
        best
    }

    /// Proposed token number `index` from a place on; none behind the end.
    pub(crate) fn token(&self, place: Place, index: usize) -> Option<Token> {
        self.tokens.get(place.from + index).copied()
    }

    /// How many tokens stand behind a place.
    pub(crate) fn left(&self, place: Place) -> usize {
        self.tokens.len() - place.from
    }

    /// Proposed token number `index` came true.
    pub(crate) fn follow(&mut self, place: Place, index: usize) {
        self.followed = place.from + index + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(tokens: &[Token]) -> Prediction {
        Prediction::new(tokens.into())
    }

    fn next(prediction: &Prediction, answer: &[Token]) -> Option<Token> {
        prediction.find(answer, &Speculation::PREDICTIONS).and_then(|place| prediction.token(place, 0))
    }

    #[test]
    fn an_answer_that_begins_as_guessed_is_followed_from_its_first_token() {
        let guess = prediction(&[5, 6, 7, 8]);
        assert_eq!([next(&guess, &[]), next(&guess, &[5]), next(&guess, &[5, 6])], [Some(5), Some(6), Some(7)]);
        assert_eq!(next(&guess, &[6]), None, "one token in its middle is no sign");
        assert_eq!(next(&guess, &[5, 6, 7, 8]), None, "nothing stands behind the end");
    }

    #[test]
    fn a_changed_word_is_left_behind() {
        let mut guess = prediction(&[1, 2, 3, 4, 5, 1, 2, 9]);
        let place = guess.find(&[1, 2], &Speculation::PREDICTIONS).unwrap();
        guess.follow(place, 0);
        assert_eq!(next(&guess, &[1, 2, 3, 7, 4, 5]), Some(1));
        assert_eq!(next(&guess, &[1, 2, 3, 7, 1, 2]), Some(9), "the next place wins");
        assert_eq!(next(&guess, &[1, 2, 3, 7, 2, 3]), Some(4), "and one before it if there is no other");
        assert_eq!(next(&guess, &[1, 2, 3, 7]), None);
    }
}
