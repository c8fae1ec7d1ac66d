//! Prompt lookup: what followed the last tokens of a text where they stood in it before.
//!
//! The longest run of last tokens wins, and of equally long ones the most recent place. Nothing is kept between steps:
//! the search reads four bytes of each token, where attention reads thousands, and skips what cannot match in wide
//! registers.

use crate::{Speculation, Token};

/// Tokens that are compared at once.
const CHUNK: usize = 64;

/// What may come next: the text from an earlier place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// Position of the first proposed token.
    from: usize,
    /// Tokens from there to the end of the text; then the copy goes on with what it proposed itself.
    period: usize,
    /// How many of the last tokens stand before that place too.
    pub(crate) matched: usize,
}

impl Repeat {
    /// Looks the last tokens of a text up in the text before them.
    pub(crate) fn find(tokens: &[Token], speculation: &Speculation) -> Option<Self> {
        let (&last, before) = tokens.split_last()?;
        let mut best = None;
        let mut least = speculation.prompt_lookup_min.max(1);
        let mut rest = before;
        while let Some(place) = last_position(rest, last) {
            let matched = common_end(&tokens[..=place], tokens, speculation.prompt_lookup_max);
            if matched >= least {
                best = Some(Self { from: place + 1, period: before.len() - place, matched });
                least = matched + 1;
            }
            if least > speculation.prompt_lookup_max {
                break;
            }
            rest = &before[..place];
        }
        best
    }

    /// Proposed token number `index`; `tokens` is the text it was found in, or a longer one.
    pub(crate) fn token(&self, tokens: &[Token], index: usize) -> Token {
        tokens[self.from + index % self.period]
    }
}

/// The last place of a token.
fn last_position(tokens: &[Token], wanted: Token) -> Option<usize> {
    let is_in = |chunk: &[Token]| chunk.iter().fold(0, |found, &token| found | u8::from(token == wanted)) > 0;
    let without = tokens.rchunks_exact(CHUNK).take_while(|chunk| !is_in(chunk)).count();
    let end = tokens.len() - without * CHUNK;
    tokens[..end].iter().rposition(|&token| token == wanted)
}

/// Tokens that two texts have in common at their ends, `most` at most.
pub(crate) fn common_end(a: &[Token], b: &[Token], most: usize) -> usize {
    a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn speculation(min: usize, max: usize) -> Speculation {
        Speculation { num_speculative_tokens: 4, prompt_lookup_max: max, prompt_lookup_min: min, own_text: true }
    }

    fn proposed(tokens: &[Token], min: usize, max: usize, count: usize) -> Option<Vec<Token>> {
        let repeat = Repeat::find(tokens, &speculation(min, max))?;
        Some((0..count).map(|index| repeat.token(tokens, index)).collect())
    }

    /// Every run of last tokens against every place, the longest first and from the back.
    fn plainly(tokens: &[Token], min: usize, max: usize, count: usize) -> Option<Vec<Token>> {
        let place = (min..=max).rev().find_map(|run| {
            let last = &tokens[tokens.len().checked_sub(run)?..];
            (run..tokens.len()).rev().find(|&end| tokens[end - run..end] == *last)
        })?;
        let mut text = tokens.to_vec();
        for index in 0..count {
            text.push(text[place + index]);
        }
        Some(text.split_off(tokens.len()))
    }

    #[test]
    fn the_longest_run_wins_and_then_the_most_recent() {
        assert_eq!(proposed(&[1, 2, 3, 7, 2, 3, 8, 1, 2, 3], 2, 4, 1), Some(vec![7]));
        assert_eq!(proposed(&[2, 3, 7, 5, 2, 3, 8, 1, 2, 3], 2, 4, 3), Some(vec![8, 1, 2]));
        assert_eq!(proposed(&[2, 3, 7, 5, 3, 8, 1, 2, 3], 2, 2, 1), Some(vec![7]));
        assert_eq!(proposed(&[1, 2, 3, 4, 5, 3], 2, 4, 1), None);
    }

    #[test]
    fn a_copy_goes_on_with_itself() {
        assert_eq!(proposed(&[9, 4, 5, 4, 5], 2, 4, 5), Some(vec![4, 5, 4, 5, 4]));
        assert_eq!(proposed(&[6, 6, 6], 1, 4, 3), Some(vec![6, 6, 6]));
    }

    #[test]
    fn a_text_too_short_gives_nothing() {
        for tokens in [&[][..], &[1], &[1, 2]] {
            assert_eq!(proposed(tokens, 1, 4, 1), None);
        }
    }

    proptest! {
        #[test]
        fn the_search_equals_its_plain_twin(
            tokens in prop::collection::vec(0..6u32, 0..400),
            (min, max) in (1..4usize).prop_flat_map(|min| (Just(min), min..6usize)),
        ) {
            prop_assert_eq!(proposed(&tokens, min, max, 7), plainly(&tokens, min, max, 7));
        }
    }
}
