//! Tokens with their places in the text, for answers that are parts of it.

use std::ops::Range;

use scheduler::Token;
use tokenizers::{Model, OffsetReferential, OffsetType};

use super::{Tokenizer, TokenizerError};

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedToken {
    /// Its id.
    pub token: Token,
    /// Where it stands, without white space around it.
    pub place: Place,
    /// The word it is of, counted from 0. Where scripts have no spaces each token is a word.
    pub word: u32,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The byte it begins with; requests are far from what 32 bits count.
    start: u32,
    /// The byte behind it.
    end: u32,
}

impl Place {
    /// These bytes.
    pub fn new(bytes: Range<usize>) -> Self {
        let byte = |at: usize| u32::try_from(at).expect("a text has an end");
        Self { start: byte(bytes.start), end: byte(bytes.end) }
    }

    /// In bytes.
    pub fn bytes(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// From the beginning of this one to the end of another behind it.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self { end: last.end.max(self.end), ..self }
    }
}

/// Counts the characters of a text on the way to places in it.
#[derive(Debug)]
pub struct CharCount<'a> {
    text: &'a str,
    bytes: usize,
    chars: usize,
}

impl<'a> CharCount<'a> {
    /// At the beginning of a text.
    pub fn of(text: &'a str) -> Self {
        Self { text, bytes: 0, chars: 0 }
    }

    /// A place in characters; none begins before the one that was counted last.
    pub fn place(&mut self, place: Place) -> Range<usize> {
        let bytes = place.bytes();
        self.chars += self.text[self.bytes..bytes.start].chars().count();
        self.bytes = bytes.start;
        self.chars..self.chars + self.text[bytes].chars().count()
    }
}

impl Tokenizer {
    /// The tokens of a text, with nothing put around them; control tokens are recognised in `scaffold` alone.
    pub fn encode_placed(&self, text: &str, scaffold: &[Range<usize>]) -> Result<Vec<PlacedToken>, TokenizerError> {
        let mut words = self.words(text, scaffold)?;
        for (_, (start, end), known) in words.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            if known.is_none() {
                self.check_word(end - start)?;
            }
        }
        let model = self.inner.get_model();
        let encoding = words.tokenize(|word| model.tokenize(word.get()));
        let encoding = encoding.and_then(|()| words.into_encoding(None, 0, OffsetType::Byte));
        let encoding = encoding.map_err(|_| TokenizerError::Failed)?;
        let places: Vec<_> = encoding.get_offsets().iter().map(|&(start, end)| place(text, start..end)).collect();
        let words = words_of(text, &places, encoding.get_word_ids());
        let tokens = encoding.get_ids().iter().zip(places).zip(words);
        Ok(tokens.map(|((&token, place), word)| PlacedToken { token, place, word }).collect())
    }
}

/// The whole characters of these bytes, without the white space around them.
fn place(text: &str, bytes: Range<usize>) -> Place {
    let start = (0..=bytes.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (bytes.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let part = &text[start..if bytes.is_empty() { start } else { end }];
    let start = start + part.len() - part.trim_start().len();
    Place::new(start..start + part.trim().len())
}

/// The word of each token, as the tokenizer cuts words; but between letters of scripts without spaces words end too.
fn words_of(text: &str, places: &[Place], words: &[Option<u32>]) -> Vec<u32> {
    let mut word = 0;
    let starts_word = |token: usize| {
        let (before, after) = (&text[places[token - 1].bytes()], &text[places[token].bytes()]);
        let letters = [before.chars().next_back(), after.chars().next()];
        let is_cut = letters.into_iter().flatten().any(is_unspaced) && places[token - 1] != places[token];
        words[token - 1] != words[token] || is_cut
    };
    let mut number = |token: usize| {
        word += u32::from(token > 0 && starts_word(token));
        word
    };
    (0..places.len()).map(&mut number).collect()
}

/// Letters of scripts that put no spaces between words: Thai and Lao, Myanmar, Khmer, kana and ideographs.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{312F}' | '\u{31A0}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_whole_characters_without_white_space() {
        let text = "a \u{C0B0}\u{1F6A0} b";
        let told = |bytes| {
            let place = place(text, bytes);
            (&text[place.bytes()], CharCount::of(text).place(place))
        };
        assert_eq!(told(0..1), ("a", 0..1));
        assert_eq!(told(1..5), ("\u{C0B0}", 2..3));
        assert_eq!(told(3..4), ("\u{C0B0}", 2..3));
        assert_eq!(told(6..8), ("\u{1F6A0}", 3..4));
        assert_eq!(told(2..9), ("\u{C0B0}\u{1F6A0}", 2..4));
        assert_eq!(told(9..11), ("b", 5..6));
        assert_eq!(told(11..11).0, "");
    }

    #[test]
    fn characters_are_counted_on_the_way() {
        let text = "a \u{C0B0}\u{1F6A0} b";
        let mut count = CharCount::of(text);
        let places = [0..1, 2..9, 2..5, 5..9, 10..11].map(|bytes| count.place(Place::new(bytes)));
        assert_eq!(places, [0..1, 2..4, 2..3, 3..4, 5..6]);
    }

    #[test]
    fn words_end_between_letters_of_scripts_without_spaces() {
        let text = "ab\u{5B89}\u{5A1C}cd \u{C0B0}\u{C704}";
        let bytes = [0..1, 1..2, 2..5, 5..8, 8..9, 9..10, 11..14, 14..17];
        let places: Vec<_> = bytes.map(Place::new).into();
        let words = [0, 0, 0, 0, 0, 0, 1, 1].map(Some);
        assert_eq!(words_of(text, &places, &words), [0, 0, 1, 2, 3, 3, 4, 4]);
    }
}
