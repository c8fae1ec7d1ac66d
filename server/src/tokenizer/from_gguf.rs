//! A tokenizer from the arrays of a GGUF file.
//!
//! A way of splitting that is not known here is refused by name: a near one would give wrong text in silence.

mod frame;
mod unigram;
mod word_pieces;

use std::collections::{HashMap, HashSet};

use engine::GgufVocabulary;
use scheduler::Token;
use tokenizers::{
    AddedToken, ModelWrapper,
    models::bpe::{BPE, Vocab},
    normalizers::{self, NormalizerWrapper, Prepend, Replace},
};

use super::{
    SpecialTexts, Tokenizer, TokenizerError,
    added_tokens::AddedTokens,
    sentencepiece_merges::merges_by_score,
    token_table::{SpelledToken, Spelling, TokenTable},
    word_rule::WordRule,
};
use frame::Frame;

/// No real token is longer; the work on a token grows with the square of its length.
const MAX_TOKEN_BYTES: usize = 4096;

const UNKNOWN: u32 = 2;
const CONTROL: u32 = 3;
const USER_DEFINED: u32 = 4;
const NORMAL: u32 = 1;

type Merges = Vec<(String, String)>;

pub(super) fn build(vocabulary: &GgufVocabulary, vocab_size: usize) -> Result<Tokenizer, TokenizerError> {
    check(vocabulary, vocab_size)?;
    let respelled;
    let vocabulary = if vocabulary.model == "bert" {
        respelled = word_pieces::respelled(vocabulary);
        &respelled
    } else {
        vocabulary
    };
    let (inner, spelling) = match vocabulary.model.as_str() {
        "gpt2" => (byte_level(vocabulary)?, Spelling::ByteLevel),
        "llama" => {
            let drops_leading_space = vocabulary.add_space_prefix;
            (sentencepiece(vocabulary)?, Spelling::SentencePiece { drops_leading_space })
        }
        "bert" => (word_pieces::build(vocabulary)?, Spelling::WordPiece),
        "t5" => {
            let drops_leading_space = vocabulary.add_space_prefix;
            (unigram::build(vocabulary)?, Spelling::SentencePiece { drops_leading_space })
        }
        other => return Err(TokenizerError::Unsupported(format!("'tokenizer.ggml.model': '{other}'"))),
    };
    let Frame { prefix, suffix, pair } = Frame::of(vocabulary)?;
    let added = AddedTokens::new(added_tokens(vocabulary));
    let text = |id: Option<Token>| id.map(|id| vocabulary.tokens[id as usize].clone()).unwrap_or_default();
    Ok(Tokenizer {
        inner,
        table: TokenTable::new(&spelled(vocabulary), vocab_size, spelling),
        drops_leading_space: spelling.drops_leading_space(),
        drops_last_space: spelling.drops_last_space(),
        prefix,
        suffix,
        pair,
        mask: vocabulary.mask_id,
        special: SpecialTexts {
            bos: text(vocabulary.bos_id),
            eos: text(vocabulary.eos_id),
            control: added.control_texts(),
        },
        added,
    })
}

fn check(vocabulary: &GgufVocabulary, vocab_size: usize) -> Result<(), TokenizerError> {
    let invalid = |reason: String| Err(TokenizerError::Invalid(reason));
    let count = vocabulary.tokens.len();
    if count == 0 || count > vocab_size {
        return invalid(format!("'tokenizer.ggml.tokens': {count} tokens, the model has {vocab_size}"));
    }
    let lengths = [("token_type", vocabulary.token_types.len()), ("scores", vocabulary.scores.len())];
    for (field, length) in lengths {
        if length != 0 && length != count {
            return invalid(format!("'tokenizer.ggml.{field}': {length} entries for {count} tokens"));
        }
    }
    let ids = [
        ("bos", vocabulary.bos_id),
        ("eos", vocabulary.eos_id),
        ("unknown", vocabulary.unknown_id),
        ("padding", vocabulary.padding_id),
        ("seperator", vocabulary.separator_id),
        ("mask", vocabulary.mask_id),
    ];
    for (field, id) in ids {
        if id.is_some_and(|id| id as usize >= count) {
            return invalid(format!("'tokenizer.ggml.{field}_token_id': not below {count}"));
        }
    }
    match vocabulary.tokens.iter().position(|token| token.len() > MAX_TOKEN_BYTES) {
        Some(id) => invalid(format!("'tokenizer.ggml.tokens': token {id} has more than {MAX_TOKEN_BYTES} bytes")),
        None => Ok(()),
    }
}

fn token_type(vocabulary: &GgufVocabulary, index: usize) -> u32 {
    vocabulary.token_types.get(index).copied().unwrap_or(NORMAL)
}

/// Control tokens (and the unknown one) are markup, user-defined ones are text that is matched whole.
fn added_tokens(vocabulary: &GgufVocabulary) -> Vec<(Token, AddedToken)> {
    let of_type = |(token, (index, text)): (Token, (usize, &String))| {
        let special = match token_type(vocabulary, index) {
            CONTROL | UNKNOWN => true,
            USER_DEFINED => false,
            _ => return None,
        };
        let swallows = vocabulary.markup_swallows_space && !stands_in_text(vocabulary, token);
        let stands_for_word = Some(token) == vocabulary.mask_id;
        Some((token, AddedToken::from(text.clone(), special).rstrip(swallows).lstrip(stands_for_word)))
    };
    (0..).zip(vocabulary.tokens.iter().enumerate()).filter_map(of_type).collect()
}

/// Whether a token of markup leaves the white space behind it alone in any case.
fn stands_in_text(vocabulary: &GgufVocabulary, token: Token) -> bool {
    let index = token as usize;
    Some(token) == vocabulary.bos_id
        || token_type(vocabulary, index) == UNKNOWN
        || vocabulary.tokens[index] == "<|endoftext|>"
}

fn spelled(vocabulary: &GgufVocabulary) -> HashMap<Token, SpelledToken> {
    let spell = |(index, text): (usize, &String)| {
        let kind = token_type(vocabulary, index);
        let special = matches!(kind, CONTROL | UNKNOWN);
        SpelledToken { text: text.clone(), added: special || kind == USER_DEFINED, special }
    };
    (0..).zip(vocabulary.tokens.iter().enumerate().map(spell)).collect()
}

fn byte_level(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let rule = WordRule::named(vocabulary.pre.as_deref().ok_or_else(|| missing("pre"))?)?;
    let merges = merges_of_file(vocabulary)?;
    let model = BPE::builder().vocab_and_merges(ids(vocabulary), merges).ignore_merges(rule.takes_whole_words);
    let mut tokenizer = tokenizers::Tokenizer::new(built(model.build())?);
    tokenizer.with_pre_tokenizer(Some(rule.pre_tokenizer));
    if rule.composes {
        set_normalizer(&mut tokenizer, normalizers::NFC.into())?;
    }
    Ok(tokenizer)
}

fn sentencepiece(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    if vocabulary.scores.is_empty() && vocabulary.merges.is_empty() {
        return Err(missing("scores"));
    }
    let merges = if vocabulary.merges.is_empty() { merges_by_score(vocabulary) } else { merges_of_file(vocabulary)? };
    let mut model = BPE::builder().vocab_and_merges(ids(vocabulary), merges).byte_fallback(true).fuse_unk(true);
    if let Some(unknown) = unknown(vocabulary) {
        model = model.unk_token(unknown);
    }
    let mut tokenizer = tokenizers::Tokenizer::new(built(model.build())?);
    let spaces: NormalizerWrapper = Replace::new(" ", "▁").map_err(|_| TokenizerError::Failed)?.into();
    let normalizer = if vocabulary.add_space_prefix {
        normalizers::Sequence::new(vec![Prepend::new("▁".to_owned()).into(), spaces]).into()
    } else {
        spaces
    };
    set_normalizer(&mut tokenizer, normalizer)?;
    Ok(tokenizer)
}

fn unknown(vocabulary: &GgufVocabulary) -> Option<String> {
    unknown_index(vocabulary).map(|index| vocabulary.tokens[index].clone())
}

fn unknown_index(vocabulary: &GgufVocabulary) -> Option<usize> {
    let marked = || (0..vocabulary.tokens.len()).find(|&index| token_type(vocabulary, index) == UNKNOWN);
    vocabulary.unknown_id.map(|id| id as usize).or_else(marked)
}

fn missing(key: &str) -> TokenizerError {
    TokenizerError::Invalid(format!("'tokenizer.ggml.{key}': missing"))
}

fn set_normalizer(tokenizer: &mut tokenizers::Tokenizer, normalizer: NormalizerWrapper) -> Result<(), TokenizerError> {
    tokenizer.with_normalizer(Some(normalizer)).map_err(|_| TokenizerError::Failed)?;
    Ok(())
}

fn ids(vocabulary: &GgufVocabulary) -> Vocab {
    vocabulary.tokens.iter().cloned().zip(0..).collect()
}

/// The file's merges; each must join two tokens into a third.
fn merges_of_file(vocabulary: &GgufVocabulary) -> Result<Merges, TokenizerError> {
    let known: HashSet<&str> = vocabulary.tokens.iter().map(String::as_str).collect();
    let pair = |(index, merge): (usize, &String)| {
        let (left, right) = merge.split_once(' ').unwrap_or((merge, ""));
        let joined = format!("{left}{right}");
        if [left, right, &joined].iter().all(|text| known.contains(text)) {
            Ok((left.to_owned(), right.to_owned()))
        } else {
            let reason = format!("'tokenizer.ggml.merges': entry {index} is not made of tokens");
            Err(TokenizerError::Invalid(reason))
        }
    };
    vocabulary.merges.iter().enumerate().map(pair).collect()
}

fn built<M: Into<ModelWrapper>>(model: tokenizers::Result<M>) -> Result<ModelWrapper, TokenizerError> {
    model.map(Into::into).map_err(|error| TokenizerError::Invalid(format!("tokenizer: {error}")))
}
