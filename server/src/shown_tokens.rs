//! Which tokens an answer's text shows: all but special ones, as a rule, and of those what calls and thoughts are marked
//! with.

use std::sync::Arc;

use scheduler::Token;

use crate::tokenizer::{TextPart, Tokenizer};

/// The tokens of a model as an answer's text shows them.
#[derive(Clone, Debug)]
pub struct ShownTokens {
    tokenizer: Arc<Tokenizer>,
    skip_special: bool,
    /// Special tokens that are shown all the same.
    always: Vec<Token>,
}

impl ShownTokens {
    /// The rule of one answer; the special tokens in `markup` are shown in any case.
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special: bool, markup: impl IntoIterator<Item = &'static str>) -> Self {
        let words = markup.into_iter();
        let special = words.flat_map(|text| tokenizer.parts(text)).filter_map(|part| match part {
            TextPart::Special(token) => Some(token),
            TextPart::Text(_) => None,
        });
        let always = special.collect();
        Self { tokenizer, skip_special, always }
    }

    /// The bytes that a token adds to the text.
    pub fn bytes(&self, token: Token) -> &[u8] {
        let skips = self.skip_special && !self.always.contains(&token);
        self.tokenizer.shown_bytes(token, skips)
    }

    /// Whether a text loses the space it begins with.
    pub fn drops_leading_space(&self) -> bool {
        self.tokenizer.drops_leading_space()
    }

    /// Whether a text loses the space it ends with.
    pub fn drops_last_space(&self) -> bool {
        self.tokenizer.drops_last_space()
    }
}
