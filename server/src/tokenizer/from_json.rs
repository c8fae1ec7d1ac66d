//! A tokenizer from the bytes of a `tokenizer.json`.
//!
//! Pipeline and vocabulary are the file's; which added tokens count as control tokens is its `special` mark.

use std::collections::HashMap;

use scheduler::Token;
use serde_json::Value;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};

use super::{
    PairFrame, SpecialTexts, Tokenizer, TokenizerError,
    added_tokens::AddedTokens,
    token_table::{SpelledToken, Spelling, TokenTable},
};

/// The file, and whether texts are read in small letters first; then the texts of the tokens that begin and end a text, and of
/// the one that stands for a word, empty without one.
pub(super) fn build(
    (json, lowercases): (&[u8], bool),
    [bos, eos, mask]: [&str; 3],
    vocab_size: usize,
) -> Result<Tokenizer, TokenizerError> {
    let mut inner = tokenizers::Tokenizer::from_bytes(json)
        .map_err(|error| TokenizerError::Invalid(format!("tokenizer.json: {error}")))?;
    inner.with_padding(None);
    inner.with_truncation(None).map_err(|_| TokenizerError::Failed)?;
    if lowercases {
        lower_first(&mut inner)?;
    }
    let spelling = Spelling::of_decoder(&decoder(&inner)?)?;
    let spelled = spelled(&inner, vocab_size)?;
    let (prefix, suffix) = around(&inner)?;
    let pair = around_pair(&inner)?;
    let added = AddedTokens::new(inner.get_added_tokens_decoder());
    let special = SpecialTexts { bos: bos.to_owned(), eos: eos.to_owned(), control: added.control_texts() };
    Ok(Tokenizer {
        table: TokenTable::new(&spelled, vocab_size, spelling),
        drops_leading_space: spelling.drops_leading_space(),
        drops_last_space: spelling.drops_last_space(),
        mask: inner.token_to_id(mask).filter(|_| !mask.is_empty()),
        inner,
        added,
        prefix,
        suffix,
        pair,
        special,
    })
}

/// Puts small letters in front of the file's own pipeline. One that makes them itself gives the same as before.
fn lower_first(inner: &mut tokenizers::Tokenizer) -> Result<(), TokenizerError> {
    let mut steps: Vec<NormalizerWrapper> = vec![Lowercase.into()];
    steps.extend(inner.get_normalizer().cloned());
    inner.with_normalizer(Some(Sequence::new(steps))).map_err(|_| TokenizerError::Failed)?;
    Ok(())
}

fn decoder(inner: &tokenizers::Tokenizer) -> Result<Value, TokenizerError> {
    serde_json::to_value(inner.get_decoder()).map_err(|_| TokenizerError::Failed)
}

fn spelled(inner: &tokenizers::Tokenizer, vocab_size: usize) -> Result<HashMap<Token, SpelledToken>, TokenizerError> {
    let added = inner.get_added_tokens_decoder();
    let mut spelled = HashMap::new();
    for (text, token) in inner.get_vocab(true) {
        if token as usize >= vocab_size {
            let reason = format!("tokenizer.json: a token has id {token}, the model has {vocab_size} tokens");
            return Err(TokenizerError::Invalid(reason));
        }
        let beside = added.get(&token);
        let special = beside.is_some_and(|added| added.special);
        spelled.insert(token, SpelledToken { text, added: beside.is_some(), special });
    }
    Ok(spelled)
}

/// What the post-processor puts in front of a text and behind it.
fn around(inner: &tokenizers::Tokenizer) -> Result<(Vec<Token>, Vec<Token>), TokenizerError> {
    let encoding = inner.encode("a", true).map_err(|_| TokenizerError::Failed)?;
    let mask = encoding.get_special_tokens_mask();
    let first = mask.iter().position(|&mark| mark == 0).unwrap_or(mask.len());
    let last = mask.iter().rposition(|&mark| mark == 0).map_or(mask.len(), |index| index + 1);
    let ids = encoding.get_ids();
    Ok((ids[..first].to_vec(), ids[last..].to_vec()))
}

/// What it puts around two texts and between them.
fn around_pair(inner: &tokenizers::Tokenizer) -> Result<PairFrame, TokenizerError> {
    let encoding = inner.encode(("a", "a"), true).map_err(|_| TokenizerError::Failed)?;
    let (ids, texts) = (encoding.get_ids(), encoding.get_sequence_ids());
    let first_of = |text| texts.iter().position(|of| *of == Some(text)).unwrap_or(ids.len());
    let end_of = |text| texts.iter().rposition(|of| *of == Some(text)).map_or(ids.len(), |index| index + 1);
    let between = end_of(0).min(first_of(1))..first_of(1);
    Ok(PairFrame {
        before: ids[..first_of(0)].to_vec(),
        between: ids[between].to_vec(),
        behind: ids[end_of(1)..].to_vec(),
    })
}
