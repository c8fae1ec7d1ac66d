//! A model's tokens as the grammar library wants them: their bytes, and which of them end an answer.

use std::sync::Arc;

use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use scheduler::Token;

use crate::tokenizer::Tokenizer;

/// All tokens of a model whose answers end with one of `ends`; `None` if it has no such token.
pub(super) fn token_env(tokenizer: &Tokenizer, ends: &[Token]) -> Option<TokEnv> {
    let words: Vec<Vec<u8>> = (0..tokenizer.vocab_size() as Token).map(|token| word(tokenizer, token)).collect();
    let info = TokRxInfo::new(words.len() as u32, *ends.first()?);
    let trie = TokTrie::from(&info, &words).with_eos_tokens(ends);
    Some(Arc::new(ApproximateTokEnv::new(trie)))
}

/// Markup begins with a byte that no text has, so that no text allows it.
fn word(tokenizer: &Tokenizer, token: Token) -> Vec<u8> {
    let bytes = tokenizer.token_bytes(token);
    let marker = (tokenizer.is_special(token) && !bytes.is_empty()).then_some(TokTrie::SPECIAL_TOKEN_MARKER);
    marker.into_iter().chain(bytes.iter().copied()).collect()
}
