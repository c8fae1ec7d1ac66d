//! Tokens to text, one at a time.
//!
//! Invariant: the deltas of a token list, joined, are its text as a whole; no delta ends in half a character.
//! Bytes that can no longer become a character are one U+FFFD for each maximal broken run, as in lossy decoding.

use scheduler::Token;

use crate::{shown_tokens::ShownTokens, tokenizer::Tokenizer};

/// The text of a growing token list.
#[derive(Debug)]
pub struct Detokenizer {
    shown: ShownTokens,
    state: Decoding,
}

impl Detokenizer {
    /// Begins a text.
    pub fn new(shown: ShownTokens) -> Self {
        let state = Decoding::new(shown.drops_leading_space(), shown.drops_last_space());
        Self { shown, state }
    }

    /// Goes on in the middle of a text: its first space is kept.
    pub fn continuing(shown: ShownTokens) -> Self {
        let state = Decoding::new(false, shown.drops_last_space());
        Self { shown, state }
    }

    /// Adds a token and gives the characters that are whole now.
    pub fn push(&mut self, token: Token) -> String {
        let mut text = String::new();
        self.state.push(self.shown.bytes(token), &mut text);
        text
    }

    /// Ends the text: a character that stayed half is one U+FFFD.
    pub fn finish(&mut self) -> String {
        self.state.finish().to_owned()
    }
}

/// The text of a whole token list.
pub(crate) fn decode(tokenizer: &Tokenizer, tokens: &[Token], skip_special: bool) -> String {
    let mut state = Decoding::new(tokenizer.drops_leading_space(), tokenizer.drops_last_space());
    let mut text = String::new();
    for &token in tokens {
        state.push(tokenizer.shown_bytes(token, skip_special), &mut text);
    }
    text.push_str(state.finish());
    text
}

#[derive(Debug)]
struct Decoding {
    /// The next byte is the text's first and is dropped if it is a space.
    drop_space: bool,
    /// A space waits in `half` until something follows it.
    holds_space: bool,
    /// The beginning of a character: at most three bytes.
    half: Vec<u8>,
}

impl Decoding {
    fn new(drop_space: bool, holds_space: bool) -> Self {
        Self { drop_space, holds_space, half: Vec::new() }
    }

    fn push(&mut self, mut bytes: &[u8], text: &mut String) {
        if self.drop_space && !bytes.is_empty() {
            self.drop_space = false;
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        self.half.extend_from_slice(bytes);
        self.take_characters(text);
        if self.holds_space && self.half.is_empty() && text.ends_with(' ') {
            text.pop();
            self.half.push(b' ');
        }
    }

    /// Moves what is decided from `half` to `text`.
    fn take_characters(&mut self, text: &mut String) {
        loop {
            let error = match str::from_utf8(&self.half) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.half.clear();
                    return;
                }
                Err(error) => error,
            };
            let valid = error.valid_up_to();
            text.push_str(str::from_utf8(&self.half[..valid]).expect("bytes up to valid_up_to are UTF-8"));
            let Some(broken) = error.error_len() else {
                self.half.drain(..valid);
                return;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            self.half.drain(..valid + broken);
        }
    }

    fn finish(&mut self) -> &'static str {
        let half = !matches!(self.half.as_slice(), b"" | b" ");
        self.half.clear();
        if half { "\u{FFFD}" } else { "" }
    }
}

#[cfg(test)]
mod tests;
