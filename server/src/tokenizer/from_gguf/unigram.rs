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
        let broken = |_| TokenizerError::Invalid("'tokenizer.ggml.precompiled_charsmap': cannot be read".to_owned());
        let charsmap = Precompiled::from(&vocabulary.charsmap).map_err(broken)?;
        set_normalizer(&mut tokenizer, charsmap.into())?;
    }
    Ok(tokenizer)
}
