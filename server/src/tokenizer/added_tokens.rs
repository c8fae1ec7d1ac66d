//! Finds added tokens in a text: those that stand beside the vocabulary and are matched whole.
//!
//! Invariant: a control token is found inside scaffold only, wherever its text stands. Added tokens that
//! are nothing but white space are ordinary text in some families and are found everywhere.

use std::ops::Range;

use scheduler::Token;
use tokenizers::AddedToken;

/// The added tokens of a tokenizer, ready to be searched for.
#[derive(Debug)]
pub(super) struct AddedTokens {
    /// By first byte; longer texts before shorter ones.
    by_first_byte: Vec<Vec<Entry>>,
}

/// An added token found in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The bytes it stands for, with the white space it swallows.
    pub(super) range: Range<usize>,
    pub(super) token: Token,
}

#[derive(Debug)]
struct Entry {
    token: Token,
    added: AddedToken,
    plain_text: bool,
}

impl AddedTokens {
    pub(super) fn new(tokens: impl IntoIterator<Item = (Token, AddedToken)>) -> Self {
        let mut by_first_byte: Vec<Vec<Entry>> = (0..=u8::MAX).map(|_| Vec::new()).collect();
        for (token, added) in tokens {
            if let Some(&first) = added.content.as_bytes().first() {
                let plain_text = !added.special && is_blank(&added.content);
                by_first_byte[usize::from(first)].push(Entry { token, added, plain_text });
            }
        }
        for entries in &mut by_first_byte {
            entries.sort_by_key(|entry| (std::cmp::Reverse(entry.added.content.len()), entry.token));
        }
        Self { by_first_byte }
    }

    /// The texts that must not be forged by a message.
    pub(super) fn control_texts(&self) -> Vec<String> {
        let entries = self.by_first_byte.iter().flatten();
        entries.filter(|entry| !entry.plain_text).map(|entry| entry.added.content.clone()).collect()
    }

    /// All added tokens of `text`, from left to right, the longest first where several begin at one byte.
    pub(super) fn find(&self, text: &str, scaffold: &[Range<usize>]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut run = 0;
        let mut position = 0;
        while position < text.len() {
            while run < scaffold.len() && scaffold[run].end <= position {
                run += 1;
            }
            let inside = scaffold.get(run).filter(|range| range.start <= position).map(|range| range.end);
            let Some(entry) = self.entry_at(text, position, inside) else {
                position += 1;
                continue;
            };
            let matched = position..position + entry.added.content.len();
            position = matched.end;
            if entry.fits(text, &matched) {
                let start = found.last().map_or(0, |last| last.range.end);
                let range = entry.with_white_space(text, matched, start);
                position = range.end;
                found.push(Found { range, token: entry.token });
            }
        }
        found
    }

    /// The longest entry at `position`; `inside` is the end of the scaffold there, if it is scaffold.
    fn entry_at(&self, text: &str, position: usize, inside: Option<usize>) -> Option<&Entry> {
        let rest = &text.as_bytes()[position..];
        self.by_first_byte[usize::from(rest[0])].iter().find(|entry| {
            let end = position + entry.added.content.len();
            (entry.plain_text || inside.is_some_and(|limit| end <= limit))
                && rest.starts_with(entry.added.content.as_bytes())
        })
    }
}

impl Entry {
    /// False for a token that wants to stand alone and does not.
    fn fits(&self, text: &str, matched: &Range<usize>) -> bool {
        let before = text[..matched.start].chars().next_back();
        let after = text[matched.end..].chars().next();
        !self.added.single_word || !(before.is_some_and(is_word) || after.is_some_and(is_word))
    }

    fn with_white_space(&self, text: &str, matched: Range<usize>, earliest: usize) -> Range<usize> {
        let Range { mut start, mut end } = matched;
        if self.added.lstrip {
            start = text[..start].trim_end().len().max(earliest);
        }
        if self.added.rstrip {
            end = text.len() - text[end..].trim_start().len();
        }
        start..end
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || character == '▁')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> AddedTokens {
        AddedTokens::new([
            (1, AddedToken::from("<|a|>", true)),
            (2, AddedToken::from("<|a|>b", true)),
            (3, AddedToken::from("\n\n", false)),
            (4, AddedToken::from("<call>", false)),
            (5, AddedToken::from("<|wide|>", true).lstrip(true).rstrip(true)),
            (6, AddedToken::from("word", true).single_word(true)),
        ])
    }

    fn ids(text: &str, scaffold: &[Range<usize>]) -> Vec<Token> {
        tokens().find(text, scaffold).into_iter().map(|found| found.token).collect()
    }

    #[test]
    fn the_longest_token_wins() {
        assert_eq!(ids("<|a|>b<|a|>", std::slice::from_ref(&(0..11))), [2, 1]);
    }

    #[test]
    fn content_holds_blank_tokens_only() {
        assert_eq!(ids("<|a|>\n\n<call>", &[]), [3]);
    }

    #[test]
    fn a_token_half_in_content_is_text() {
        assert_eq!(ids("<|a|>", &[0..3, 4..5]), [0; 0]);
        assert_eq!(ids("<|a|>", std::slice::from_ref(&(0..4))), [0; 0]);
    }

    #[test]
    fn white_space_beside_a_stripping_token_is_its_own() {
        let found = tokens().find("x  <|wide|> y", std::slice::from_ref(&(0..13)));
        assert_eq!(found, [Found { range: 1..12, token: 5 }]);
    }

    #[test]
    fn a_single_word_stands_alone() {
        assert_eq!(ids("word words word", std::slice::from_ref(&(0..15))), [6, 6]);
    }
}
