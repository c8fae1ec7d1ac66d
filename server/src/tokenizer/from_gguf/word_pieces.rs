//! BERT's tokenizer: words, then the longest pieces of them that are tokens.
//!
//! Texts are read in small letters and without accents unless the file says otherwise, as llama.cpp reads them.

use engine::GgufVocabulary;
use tokenizers::{models::wordpiece::WordPiece, normalizers::BertNormalizer, pre_tokenizers::bert::BertPreTokenizer};

use super::{CONTROL, built, ids, missing, set_normalizer, token_type, unknown};
use crate::tokenizer::{TokenizerError, token_table::CONTINUES};

/// What converters put in front of a token that begins a word.
const BEGINS: char = '▁';

/// The vocabulary as the model's makers spell it: GGUF files mark tokens that begin a word, not those that go on with one.
pub(super) fn respelled(vocabulary: &GgufVocabulary) -> GgufVocabulary {
    let respell = |(index, token): (usize, &String)| {
        if token_type(vocabulary, index) == CONTROL {
            return token.clone();
        }
        match token.strip_prefix(BEGINS) {
            // no token is empty: the mark alone is a piece of its own that goes on with a word
            Some(word) if !word.is_empty() => word.to_owned(),
            _ => format!("{CONTINUES}{token}"),
        }
    };
    GgufVocabulary { tokens: vocabulary.tokens.iter().enumerate().map(respell).collect(), ..vocabulary.clone() }
}

pub(super) fn build(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let unknown = unknown(vocabulary).ok_or_else(|| missing("unknown_token_id"))?;
    let model = WordPiece::builder().vocab(ids(vocabulary)).unk_token(unknown);
    let mut tokenizer = tokenizers::Tokenizer::new(built(model.build())?);
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let normalizer = BertNormalizer::new(true, true, Some(vocabulary.strips_accents), vocabulary.lowercase);
    set_normalizer(&mut tokenizer, normalizer.into())?;
    Ok(tokenizer)
}
