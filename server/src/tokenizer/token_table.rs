//! Token -> the bytes it stands for, computed once.
//!
//! Invariant: joining the bytes of a token list gives the bytes of its text (but for one space at its beginning or its end,
//! see `drops_leading_space` and `drops_last_space`). Ids without a text stand for no bytes.

use std::collections::HashMap;

use scheduler::Token;
use serde_json::Value;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::TokenizerError;

/// The bytes of every token of a vocabulary.
#[derive(Debug)]
pub(super) struct TokenTable {
    bytes: Vec<u8>,
    /// `ends[token]`: where its bytes end; they begin where the ones before end.
    ends: Vec<usize>,
    special: Vec<bool>,
    longest: usize,
}

/// One token of the vocabulary as the tokenizer's file spells it.
#[derive(Debug)]
pub(super) struct SpelledToken {
    pub(super) text: String,
    /// An added token is spelled as it is printed.
    pub(super) added: bool,
    pub(super) special: bool,
}

/// How a vocabulary spells bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Each byte is one printable character (GPT-2).
    ByteLevel,
    /// `▁` is a space and `<0x0A>` a byte (sentencepiece).
    SentencePiece {
        /// Whether a text loses the space it begins with.
        drops_leading_space: bool,
    },
    /// A word is one token or several, all but its first with a prefix; spaces stand between words (BERT).
    WordPiece,
    /// `</w>` ends a word, and a space stands between two of them (GPT-1).
    EndedWords,
}

/// What a token that goes on with a word begins with.
pub(super) const CONTINUES: &str = "##";
/// Tokens before which no space stands.
const CLOSE: [&str; 4] = [".", "?", "!", ","];
/// What a token that ends a word ends with.
const END_OF_WORD: &str = "</w>";

impl TokenTable {
    pub(super) fn new(spelled: &HashMap<Token, SpelledToken>, vocab_size: usize, spelling: Spelling) -> Self {
        let letters = spelling.letters();
        let mut table = Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(vocab_size),
            special: vec![false; vocab_size],
            longest: 0,
        };
        for (token, special) in (0..).zip(0..vocab_size) {
            let start = table.bytes.len();
            if let Some(entry) = spelled.get(&token) {
                table.bytes.extend(spelling.bytes(entry, &letters));
                table.special[special] = entry.special;
            }
            table.longest = table.longest.max(table.bytes.len() - start);
            table.ends.push(table.bytes.len());
        }
        table
    }

    pub(super) fn bytes(&self, token: Token) -> &[u8] {
        let index = token as usize;
        match self.ends.get(index) {
            Some(&end) => {
                let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
                &self.bytes[start..end]
            }
            None => &[],
        }
    }

    pub(super) fn is_special(&self, token: Token) -> bool {
        self.special.get(token as usize).copied().unwrap_or(false)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }
}

impl Spelling {
    /// Reads it from the `decoder` of a `tokenizer.json`.
    pub(super) fn of_decoder(decoder: &Value) -> Result<Self, TokenizerError> {
        let kind = decoder["type"].as_str().unwrap_or("none");
        match kind {
            "ByteLevel" => Ok(Self::ByteLevel),
            "BPEDecoder" if decoder["suffix"] == END_OF_WORD => Ok(Self::EndedWords),
            "Metaspace" => Ok(Self::SentencePiece { drops_leading_space: decoder["prepend_scheme"] != "never" }),
            "WordPiece" if decoder["prefix"] == CONTINUES => Ok(Self::WordPiece),
            "Sequence" => Self::of_sequence(decoder["decoders"].as_array().map_or(&[], Vec::as_slice)),
            other => Err(TokenizerError::Unsupported(format!("decoder '{other}'"))),
        }
    }

    fn of_sequence(decoders: &[Value]) -> Result<Self, TokenizerError> {
        let mut spelling = None;
        for decoder in decoders {
            match decoder["type"].as_str().unwrap_or("none") {
                "ByteFallback" | "Fuse" => {}
                "Replace" if decoder["pattern"]["String"] == "▁" && decoder["content"] == " " => {
                    spelling = Some(Self::SentencePiece { drops_leading_space: false });
                }
                "Strip" if decoder["content"] == " " && decoder["start"] == 1 && decoder["stop"] == 0 => {
                    spelling = Some(Self::SentencePiece { drops_leading_space: true });
                }
                _ => spelling = Some(Self::of_decoder(decoder)?),
            }
        }
        spelling.ok_or_else(|| TokenizerError::Unsupported("a decoder sequence without 'Replace'".to_owned()))
    }

    pub(super) fn drops_leading_space(self) -> bool {
        matches!(self, Self::SentencePiece { drops_leading_space: true } | Self::WordPiece)
    }

    pub(super) fn drops_last_space(self) -> bool {
        self == Self::EndedWords
    }

    fn letters(self) -> HashMap<char, u8> {
        match self {
            Self::ByteLevel => byte_letters(),
            Self::SentencePiece { .. } | Self::WordPiece | Self::EndedWords => HashMap::new(),
        }
    }

    fn bytes(self, entry: &SpelledToken, letters: &HashMap<char, u8>) -> Vec<u8> {
        let plain = || entry.text.as_bytes().to_vec();
        match self {
            Self::ByteLevel if entry.added => plain(),
            Self::ByteLevel => {
                let bytes: Option<Vec<u8>> = entry.text.chars().map(|letter| letters.get(&letter).copied()).collect();
                bytes.unwrap_or_else(plain)
            }
            Self::SentencePiece { .. } => match byte_of(&entry.text) {
                Some(byte) => vec![byte],
                None => entry.text.replace('▁', " ").into_bytes(),
            },
            Self::WordPiece => match entry.text.strip_prefix(CONTINUES) {
                Some(rest) if !entry.added => rest.as_bytes().to_vec(),
                _ if CLOSE.contains(&entry.text.as_str()) => plain(),
                _ => format!(" {}", entry.text).into_bytes(),
            },
            Self::EndedWords => entry.text.replace(END_OF_WORD, " ").into_bytes(),
        }
    }
}

/// GPT-2's spelling: printable Latin-1 characters stand for themselves, the other bytes, in order, for the
/// characters from U+0100 on.
fn byte_letters() -> HashMap<char, u8> {
    let mut next = 0x100;
    let letters: HashMap<char, u8> = (0..=u8::MAX)
        .map(|byte| {
            let letter = match byte {
                b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
                _ => {
                    next += 1;
                    char::from_u32(next - 1).expect("U+0100 to U+0143 are characters")
                }
            };
            (letter, byte)
        })
        .collect();
    debug_assert!(ByteLevel::alphabet().iter().all(|letter| letters.contains_key(letter)));
    letters
}

/// The byte of a `<0x0A>` token.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_letters_are_the_alphabet_of_the_tokenizers_crate() {
        let letters = byte_letters();
        assert_eq!(letters.len(), 256);
        assert!(ByteLevel::alphabet().iter().all(|letter| letters.contains_key(letter)));
        assert_eq!(letters[&'Ġ'], b' ');
        assert_eq!(letters[&'Ċ'], b'\n');
    }

    #[test]
    fn sentencepiece_spells_spaces_and_bytes() {
        let spelling = Spelling::SentencePiece { drops_leading_space: true };
        let bytes = |text: &str| {
            spelling.bytes(&SpelledToken { text: text.to_owned(), added: false, special: false }, &HashMap::new())
        };
        assert_eq!(bytes("▁a▁"), b" a ");
        assert_eq!(bytes("<0x0A>"), b"\n");
        assert_eq!(bytes("<0x0g>"), b"<0x0g>");
        assert_eq!(bytes("<0x>"), b"<0x>");
    }

    #[test]
    fn word_pieces_stand_apart_unless_they_go_on_with_a_word() {
        let spelling = Spelling::of_decoder(&serde_json::json!({"type": "WordPiece", "prefix": "##"})).unwrap();
        assert!(spelling.drops_leading_space());
        let bytes = |text: &str, added: bool| {
            spelling.bytes(&SpelledToken { text: text.to_owned(), added, special: added }, &HashMap::new())
        };
        assert_eq!(bytes("cabin", false), b" cabin");
        assert_eq!(bytes("##s", false), b"s");
        assert_eq!(bytes(".", false), b".");
        assert_eq!(bytes("##", true), b" ##");
        assert_eq!(bytes("[SEP]", true), b" [SEP]");
    }

    #[test]
    fn an_unknown_decoder_is_refused_by_name() {
        let error = Spelling::of_decoder(&serde_json::json!({"type": "CTC"})).unwrap_err();
        assert!(error.to_string().contains("CTC"), "{error}");
    }
}
