//! Positions that attention scores know as distances of two tokens, beside the segments that the tokens are of.

use scheduler::Token;

/// What attention scores know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelativeRule {
    /// Greater distances count as this one, at least 1; all are told apart where there is none.
    pub clamp: Option<usize>,
    /// Where this token ends a sequence it is a segment of its own.
    pub closing: Token,
}

impl RelativeRule {
    /// Most tokens of a text: distances have no end, but a step must hold the longest text.
    pub(crate) const MAX_TOKENS: usize = 4096;

    /// The greatest distance that is told apart in a sequence of so many tokens.
    fn reach(&self, tokens: usize) -> usize {
        let greatest = tokens.saturating_sub(1);
        self.clamp.map_or(greatest, |clamp| greatest.min(clamp))
    }

    /// Distances that are told apart in a sequence of so many tokens, those of keys ahead among them.
    pub(crate) fn distances(&self, tokens: usize) -> usize {
        2 * self.reach(tokens) + 1
    }

    /// The segment of each token: 0 in the first text, 1 in the second, 2 behind both.
    pub(crate) fn segments(self, tokens: &[Token], second: Option<usize>) -> impl Iterator<Item = u8> {
        let second = second.unwrap_or(tokens.len());
        tokens.iter().enumerate().map(move |(index, token)| {
            let closes = index + 1 == tokens.len() && *token == self.closing;
            if closes { 2 } else { u8::from(index >= second) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RelativeRule = RelativeRule { clamp: None, closing: 3 };

    #[test]
    fn only_the_last_token_can_be_a_segment_of_its_own() {
        let segments = |tokens: &[Token], second| RULE.segments(tokens, second).collect::<Vec<_>>();
        assert_eq!(segments(&[7, 3, 4, 3], None), [0, 0, 0, 2]);
        assert_eq!(segments(&[7, 4, 8, 4, 3], Some(2)), [0, 0, 1, 1, 2]);
        assert_eq!(segments(&[7, 4, 8], Some(2)), [0, 0, 1]);
        assert_eq!(segments(&[3], None), [2]);
    }

    #[test]
    fn distances_end_at_the_clamp() {
        assert_eq!([1, 2, 9].map(|tokens| RULE.distances(tokens)), [1, 3, 17]);
        let clamped = RelativeRule { clamp: Some(3), ..RULE };
        assert_eq!([1, 2, 9].map(|tokens| clamped.distances(tokens)), [1, 3, 7]);
    }
}
