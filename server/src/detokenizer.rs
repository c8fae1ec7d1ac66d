//! Tokens to text, one at a time.
//!
//! Invariant: the deltas of a token list, joined, are its text as a whole; no delta ends in half a character.
//! Bytes that can no longer become a character are one U+FFFD for each maximal broken run, as in lossy decoding.

use std::sync::Arc;

use scheduler::Token;

use crate::tokenizer::Tokenizer;

/// The text of a growing token list.
#[derive(Debug)]
pub struct Detokenizer {
    tokenizer: Arc<Tokenizer>,
    state: Decoding,
}

impl Detokenizer {
    /// Begins a text; special tokens are left out of it if `skip_special`.
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special: bool) -> Self {
        let state = Decoding::new(&tokenizer, skip_special);
        Self { tokenizer, state }
    }

    /// Goes on in the middle of a text: its first space is kept.
    pub fn continuing(tokenizer: Arc<Tokenizer>, skip_special: bool) -> Self {
        let state = Decoding { skip_special, drop_space: false, half: Vec::new() };
        Self { tokenizer, state }
    }

    /// Adds a token and gives the characters that are whole now.
    pub fn push(&mut self, token: Token) -> String {
        let mut text = String::new();
        self.state.push(&self.tokenizer, token, &mut text);
        text
    }

    /// Ends the text: a character that stayed half is one U+FFFD.
    pub fn finish(&mut self) -> String {
        self.state.finish().to_owned()
    }
}

/// The text of a whole token list.
pub(crate) fn decode(tokenizer: &Tokenizer, tokens: &[Token], skip_special: bool) -> String {
    let mut state = Decoding::new(tokenizer, skip_special);
    let mut text = String::new();
    for &token in tokens {
        state.push(tokenizer, token, &mut text);
    }
    text.push_str(state.finish());
    text
}

#[derive(Debug)]
struct Decoding {
    skip_special: bool,
    /// The next byte is the text's first and is dropped if it is a space.
    drop_space: bool,
    /// The beginning of a character: at most three bytes.
    half: Vec<u8>,
}

impl Decoding {
    fn new(tokenizer: &Tokenizer, skip_special: bool) -> Self {
        Self { skip_special, drop_space: tokenizer.drops_leading_space(), half: Vec::new() }
    }

    fn push(&mut self, tokenizer: &Tokenizer, token: Token, text: &mut String) {
        if self.skip_special && tokenizer.is_special(token) {
            return;
        }
        let mut bytes = tokenizer.token_bytes(token);
        if self.drop_space && !bytes.is_empty() {
            self.drop_space = false;
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        self.half.extend_from_slice(bytes);
        self.take_characters(text);
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
        let half = !self.half.is_empty();
        self.half.clear();
        if half { "\u{FFFD}" } else { "" }
    }
}

#[cfg(test)]
mod tests;
