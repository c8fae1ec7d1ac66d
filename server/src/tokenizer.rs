//! Text to tokens and tokens to bytes, for one model.
//!
//! Invariant: what came from a message never becomes a control token, and text without control tokens has the
//! ids that the whole rendered prompt has. Does not know chats, streams or requests; never echoes a text in an
//! error.

mod added_tokens;
mod from_gguf;
mod from_json;
mod pair_frame;
mod pieces;
mod placed;
mod sentencepiece_merges;
mod token_table;
mod word_rule;
mod words;

use std::{
    fmt,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use engine::TokenizerSource;
pub use pair_frame::PairFrame;
pub use pieces::Piece;
pub use placed::{CharCount, Place, PlacedToken};
use scheduler::Token;
use tokenizers::{OffsetReferential, OffsetType};

use self::{
    added_tokens::{AddedTokens, Found},
    pieces::JoinedPieces,
    token_table::TokenTable,
};
use crate::detokenizer;

/// The longest word, in bytes, of a tokenizer that splits text into words.
pub const MAX_WORD_BYTES: usize = 64 * 1024;

/// The longest text, in bytes, that is looked at at all; requests have a stricter limit of their own.
pub const MAX_TEXT_BYTES: usize = 256 * 1024 * 1024;

/// Why there is no tokenizer, or no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The tokenizer's file contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// A kind of tokenizer that is not built here; guessing would give wrong text.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The text is too long to be looked at.
    #[error("text has {bytes} bytes, limit {limit}")]
    TooManyBytes {
        /// Its length.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// One word of the text is too long.
    #[error("a word of the text has {bytes} bytes, limit {limit}")]
    LongWord {
        /// Its length.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// The tokenizer failed on a text it should take.
    #[error("the text cannot be tokenised")]
    Failed,
}

/// A part of a text that is cut at its special tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPart<'a> {
    /// Text between them.
    Text(&'a str),
    /// One of them.
    Special(Token),
}

/// What a chat template knows of the vocabulary.
#[derive(Debug, Clone, Default)]
pub struct SpecialTexts {
    /// Text of the token that begins a prompt, or empty.
    pub bos: String,
    /// Text of the token that ends an answer, or empty.
    pub eos: String,
    /// The texts of all control tokens.
    pub control: Vec<String>,
}

/// One model's tokenizer.
pub struct Tokenizer {
    /// Normaliser, pre-tokenizer and model; its added tokens and its decoder are not used.
    inner: tokenizers::Tokenizer,
    added: AddedTokens,
    table: TokenTable,
    drops_leading_space: bool,
    drops_last_space: bool,
    /// Put around a raw prompt.
    prefix: Vec<Token>,
    suffix: Vec<Token>,
    pair: PairFrame,
    /// Stands for a word that is to be told.
    mask: Option<Token>,
    special: SpecialTexts,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Builds the tokenizer of a model with `vocab_size` tokens; ids without a text stand for no bytes.
    pub fn load(source: &TokenizerSource, vocab_size: usize) -> Result<Self, TokenizerError> {
        let build = || match source {
            TokenizerSource::Json { tokenizer, bos_token, eos_token, mask_token, lowercases } => {
                let texts = [bos_token, eos_token, mask_token].map(|text| text.as_deref().unwrap_or_default());
                from_json::build((tokenizer, *lowercases), texts, vocab_size)
            }
            TokenizerSource::Gguf(vocabulary) => from_gguf::build(vocabulary, vocab_size),
        };
        catch_unwind(AssertUnwindSafe(build))
            .unwrap_or_else(|_| Err(TokenizerError::Invalid("the tokenizer cannot be read".to_owned())))
    }

    /// The ids of a raw prompt, whose control tokens are recognised; with the model's first and last token
    /// around it if `add_special` and the model wants them.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<Token>, TokenizerError> {
        self.encode_text(text, std::slice::from_ref(&(0..text.len())), add_special)
    }

    /// The ids of a rendered chat: control tokens are recognised in scaffold, never in content. `add_special` as above.
    pub fn encode_pieces(&self, pieces: &[Piece], add_special: bool) -> Result<Vec<Token>, TokenizerError> {
        let JoinedPieces { text, scaffold } = JoinedPieces::new(pieces);
        self.encode_text(&text, &scaffold, add_special)
    }

    /// The bytes a token stands for; none for an id without a text.
    pub fn token_bytes(&self, token: Token) -> &[u8] {
        self.table.bytes(token)
    }

    /// The bytes a token adds to a text that special tokens may be left out of.
    pub fn shown_bytes(&self, token: Token, skip_special: bool) -> &[u8] {
        if skip_special && self.is_special(token) { &[] } else { self.token_bytes(token) }
    }

    /// A text, cut at the special tokens in it.
    pub fn parts<'a>(&self, text: &'a str) -> Vec<TextPart<'a>> {
        let mut parts = Vec::new();
        let mut position = 0;
        let found = self.added.find(text, std::slice::from_ref(&(0..text.len())));
        for Found { range, token } in found.into_iter().filter(|found| self.is_special(found.token)) {
            parts.push(TextPart::Text(&text[position..range.start]));
            parts.push(TextPart::Special(token));
            position = range.end;
        }
        parts.push(TextPart::Text(&text[position..]));
        parts.retain(|part| *part != TextPart::Text(""));
        parts
    }

    /// The text of a token alone; bytes that are no whole character become U+FFFD.
    pub fn token_text(&self, token: Token) -> String {
        String::from_utf8_lossy(self.token_bytes(token)).into_owned()
    }

    /// Whether a token is markup that is not part of an answer's text.
    pub fn is_special(&self, token: Token) -> bool {
        self.table.is_special(token)
    }

    /// Tokens of the model, those without a text included.
    pub fn vocab_size(&self) -> usize {
        self.table.len()
    }

    /// The most bytes a token stands for.
    pub fn longest_token_bytes(&self) -> usize {
        self.table.longest()
    }

    /// Text of the token that begins a prompt, or empty.
    pub fn bos_text(&self) -> &str {
        &self.special.bos
    }

    /// Text of the token that ends an answer, or empty.
    pub fn eos_text(&self) -> &str {
        &self.special.eos
    }

    /// The token that stands for a word that is to be told, if there is one.
    pub fn mask(&self) -> Option<Token> {
        self.mask
    }

    /// What is put before a raw prompt, if the model wants it.
    pub fn opening(&self) -> &[Token] {
        &self.prefix
    }

    /// What is put behind a raw prompt, if the model wants it.
    pub fn closing(&self) -> &[Token] {
        &self.suffix
    }

    /// The tokens of a raw prompt with what the model wants around them.
    pub fn framed(&self, tokens: &[Token]) -> Vec<Token> {
        [self.prefix.as_slice(), tokens, &self.suffix].concat()
    }

    /// What is put around two texts that are read together.
    pub fn pair(&self) -> &PairFrame {
        &self.pair
    }

    /// What a chat template has to know.
    pub fn special_texts(&self) -> &SpecialTexts {
        &self.special
    }

    /// Whether a text loses the space it begins with.
    pub fn drops_leading_space(&self) -> bool {
        self.drops_leading_space
    }

    /// Whether a text loses the space it ends with.
    pub fn drops_last_space(&self) -> bool {
        self.drops_last_space
    }

    /// The text of a token list as a whole.
    pub fn decode(&self, tokens: &[Token], skip_special: bool) -> String {
        detokenizer::decode(self, tokens, skip_special)
    }

    fn encode_text(
        &self,
        text: &str,
        scaffold: &[Range<usize>],
        add_special: bool,
    ) -> Result<Vec<Token>, TokenizerError> {
        let mut tokens = if add_special { self.prefix.clone() } else { Vec::new() };
        let words = self.words(text, scaffold)?;
        for (word, (start, end), known) in words.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            match known {
                Some(known) => tokens.extend(known.iter().map(|token| token.id)),
                None => self.encode_word(word, end - start, &mut tokens)?,
            }
        }
        if add_special {
            tokens.extend(&self.suffix);
        }
        Ok(tokens)
    }
}

#[cfg(test)]
pub(crate) mod tests;
