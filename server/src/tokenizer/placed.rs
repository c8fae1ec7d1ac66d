//! Tokens with their places in the text, for answers that are parts of it.

use std::ops::Range;

use scheduler::Token;
use tokenizers::{Model, OffsetReferential, OffsetType};

use super::{MAX_TEXT_BYTES, Tokenizer, TokenizerError};

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedToken {
    /// Its id.
    pub token: Token,
    /// Where it stands, without white space around it.
    pub place: Place,
    /// The word it is of, counted from 0.
    pub word: usize,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In bytes.
    pub bytes: Range<usize>,
    /// In characters.
    pub chars: Range<usize>,
}

impl Place {
    /// From the beginning of this one to the end of another behind it.
    #[must_use]
    pub fn to(&self, last: &Self) -> Self {
        Self { bytes: self.bytes.start..last.bytes.end, chars: self.chars.start..last.chars.end }
    }
}

impl Tokenizer {
    /// The tokens of a text whose control tokens are recognised, with nothing put around them.
    pub fn encode_placed(&self, text: &str) -> Result<Vec<PlacedToken>, TokenizerError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TokenizerError::TooManyBytes { bytes: text.len(), limit: MAX_TEXT_BYTES });
        }
        let found = self.added.find(text, std::slice::from_ref(&(0..text.len())));
        let mut words = self.words(text, &found).map_err(|_| TokenizerError::Failed)?;
        for (_, (start, end), known) in words.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            if known.is_none() {
                self.check_word(end - start)?;
            }
        }
        let model = self.inner.get_model();
        let encoding = words.tokenize(|word| model.tokenize(word.get()));
        let encoding = encoding.and_then(|()| words.into_encoding(None, 0, OffsetType::Byte));
        let encoding = encoding.map_err(|_| TokenizerError::Failed)?;
        let chars = Chars::of(text);
        let words = encoding.get_word_ids().iter().map(|word| word.unwrap_or_default() as usize);
        let places = encoding.get_offsets().iter().map(|&(start, end)| chars.place(start..end));
        let tokens = encoding.get_ids().iter().zip(places).zip(words);
        Ok(tokens.map(|((&token, place), word)| PlacedToken { token, place, word }).collect())
    }
}

/// A text, and where its characters begin.
struct Chars<'a> {
    text: &'a str,
    begins: Vec<usize>,
}

impl<'a> Chars<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, begins: text.char_indices().map(|(begins, _)| begins).collect() }
    }

    /// The whole characters of these bytes, without the white space around them.
    fn place(&self, bytes: Range<usize>) -> Place {
        let first = self.begins.partition_point(|begins| *begins <= bytes.start).saturating_sub(1);
        let last = self.begins.partition_point(|begins| *begins < bytes.end);
        let last = if bytes.is_empty() { first } else { last.max(first) };
        let end = |char: usize| self.begins.get(char).copied().unwrap_or(self.text.len());
        let part = &self.text[end(first)..end(last)];
        let before = part.len() - part.trim_start().len();
        let start = end(first) + before;
        let bytes = start..start + part.trim().len();
        let char = |at: usize| self.begins.partition_point(|begins| *begins < at);
        Place { chars: char(bytes.start)..char(bytes.end), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_whole_characters_without_white_space() {
        let text = "a 산🚠 b";
        let chars = Chars::of(text);
        let place = |bytes| {
            let place = chars.place(bytes);
            assert_eq!(text.chars().take(place.chars.start).map(char::len_utf8).sum::<usize>(), place.bytes.start);
            (&text[place.bytes], place.chars)
        };
        assert_eq!(place(0..1), ("a", 0..1));
        assert_eq!(place(1..5), ("산", 2..3));
        assert_eq!(place(3..4), ("산", 2..3));
        assert_eq!(place(6..8), ("🚠", 3..4));
        assert_eq!(place(2..9), ("산🚠", 2..4));
        assert_eq!(place(9..11), ("b", 5..6));
        assert_eq!(place(11..11).0, "");
    }
}
