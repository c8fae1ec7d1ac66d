//! XLM-RoBERTa's tokenizer: of all ways to cut a word into tokens the likeliest one.
//!
//! Words are what white space leaves, whatever `remove_extra_whitespaces` says: that converters take from a setting of
//! decoding, and the tokenizers of these models know words only.

use engine::GgufVocabulary;
use tokenizers::{
    models::unigram::Unigram,
    normalizers::Precompiled,
    pre_tokenizers::{
        metaspace::{Metaspace, PrependScheme},
        sequence::Sequence,
        whitespace::WhitespaceSplit,
    },
};

use super::{built, missing, set_normalizer, unknown_index};
use crate::tokenizer::TokenizerError;

pub(super) fn build(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    if vocabulary.scores.is_empty() {
        return Err(missing("scores"));
    }
    let unknown = unknown_index(vocabulary).ok_or_else(|| missing("unknown_token_id"))?;
    let scored = vocabulary.tokens.iter().cloned().zip(vocabulary.scores.iter().map(|&score| f64::from(score)));
    let mut tokenizer = tokenizers::Tokenizer::new(built(Unigram::from(scored.collect(), Some(unknown), false))?);
    let scheme = if vocabulary.add_space_prefix { PrependScheme::Always } else { PrependScheme::Never };
    let steps = vec![WhitespaceSplit.into(), Metaspace::new('▁', scheme, true).into()];
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    if !vocabulary.charsmap.is_empty() {
        let broken = || TokenizerError::Invalid("'tokenizer.ggml.precompiled_charsmap': cannot be read".to_owned());
        if !holds_tree(&vocabulary.charsmap) {
            return Err(broken());
        }
        let charsmap = Precompiled::from(&vocabulary.charsmap).map_err(|_| broken())?;
        set_normalizer(&mut tokenizer, charsmap.into())?;
    }
    Ok(tokenizer)
}

/// Whether the tree whose bytes the first four count lies within, and texts behind it: who reads it takes memory for any number.
fn holds_tree(charsmap: &[u8]) -> bool {
    let Some((count, rest)) = charsmap.split_first_chunk() else { return false };
    let bytes = u32::from_le_bytes(*count) as usize;
    bytes > 0 && bytes.is_multiple_of(4) && bytes < rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_counts_more_bytes_than_it_has_is_refused() {
        let built = |charsmap: &[u8]| {
            let vocabulary = GgufVocabulary {
                tokens: vec!["<unk>".to_owned(), "a".to_owned()],
                scores: vec![0.0, -1.0],
                token_types: vec![2, 1],
                unknown_id: Some(0),
                charsmap: charsmap.to_vec(),
                ..GgufVocabulary::default()
            };
            build(&vocabulary).map_err(|error| error.to_string())
        };
        assert!(built(&[]).is_ok());
        for charsmap in [[0xff; 4].as_slice(), &[0xff; 64], &[0; 64], &[4, 0, 0, 0, 0, 0, 0, 0], &[1]] {
            let error = built(charsmap).unwrap_err();
            assert!(error.contains("precompiled_charsmap"), "{error}");
        }
    }
}
