//! Texts cut into words: at added tokens first, then as the tokenizer's own rules cut what is between them.

use std::ops::Range;

use scheduler::Token;
use tokenizers::{Model, NormalizedString, Normalizer, PreTokenizedString, PreTokenizer, tokenizer::normalizer};

use super::{MAX_TEXT_BYTES, MAX_WORD_BYTES, Tokenizer, TokenizerError, added_tokens::Found};

impl Tokenizer {
    /// Cuts a text at its added tokens, and the rest into words; control tokens are recognised in `scaffold` alone.
    pub(super) fn words(&self, text: &str, scaffold: &[Range<usize>]) -> Result<PreTokenizedString, TokenizerError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TokenizerError::TooManyBytes { bytes: text.len(), limit: MAX_TEXT_BYTES });
        }
        self.cut_words(text, &self.added.find(text, scaffold)).map_err(|_| TokenizerError::Failed)
    }

    fn cut_words(&self, text: &str, found: &[Found]) -> tokenizers::Result<PreTokenizedString> {
        let mut words = PreTokenizedString::from(text);
        words.split(|_, whole| Ok(cut(&whole, found)))?;
        if let Some(normalizer) = self.inner.get_normalizer() {
            words.normalize(|part| normalizer.normalize(part))?;
        }
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut words)?;
        }
        Ok(words)
    }

    /// Fails where a word has too many bytes.
    pub(super) fn check_word(&self, bytes: usize) -> Result<(), TokenizerError> {
        if self.inner.get_pre_tokenizer().is_some() && bytes > MAX_WORD_BYTES {
            return Err(TokenizerError::LongWord { bytes, limit: MAX_WORD_BYTES });
        }
        Ok(())
    }

    /// Encodes a word as the model spells it; it had `bytes` in the text.
    pub(super) fn encode_word(&self, word: &str, bytes: usize, tokens: &mut Vec<Token>) -> Result<(), TokenizerError> {
        self.check_word(bytes)?;
        let made = self.inner.get_model().tokenize(word).map_err(|_| TokenizerError::Failed)?;
        tokens.extend(made.into_iter().map(|token| token.id));
        Ok(())
    }
}

/// A part of a text, and the token it stands for if that is known already.
type Part = (NormalizedString, Option<Vec<tokenizers::Token>>);

fn cut(whole: &NormalizedString, found: &[Found]) -> Vec<Part> {
    let slice = |range: Range<usize>| {
        whole.slice(normalizer::Range::Normalized(range)).expect("added tokens end at character borders")
    };
    let mut parts = Vec::with_capacity(2 * found.len() + 1);
    let mut position = 0;
    for Found { range, token } in found {
        parts.push((slice(position..range.start), None));
        let known = tokenizers::Token::new(*token, String::new(), (0, range.len()));
        parts.push((slice(range.clone()), Some(vec![known])));
        position = range.end;
    }
    parts.push((slice(position..whole.len_original()), None));
    parts
}
