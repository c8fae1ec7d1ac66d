//! Log-probabilities in the two forms of the wire.

use std::sync::Arc;

use proto::{ChatLogprobs, CompletionLogprobs, TokenLogprob, TopLogprob, TopTokens};
use scheduler::{Score, Token, TokenLogprobs};

use crate::{choice::GeneratedToken, echo::Echo, generate::Generation, prepare::Prepared, tokenizer::Tokenizer};

/// What tokens are called.
#[derive(Clone, Debug)]
pub(super) struct Words {
    tokenizer: Arc<Tokenizer>,
    as_ids: bool,
}

impl Words {
    /// As the request wants them.
    pub(super) fn new(prepared: &Prepared, generation: &Generation) -> Self {
        let tokenizer = Arc::clone(&generation.model().tokenizer);
        Self { tokenizer, as_ids: prepared.request.tokens_as_ids }
    }

    /// Its text, or its id where ids are wanted.
    fn name(&self, token: Token) -> String {
        if self.as_ids { format!("token_id:{token}") } else { self.text(token) }
    }

    /// Its text.
    pub(super) fn text(&self, token: Token) -> String {
        self.tokenizer.token_text(token)
    }

    fn bytes(&self, token: Token) -> Vec<u8> {
        self.tokenizer.token_bytes(token).to_vec()
    }
}

/// `choices[].logprobs` of a chat: one entry for each token.
pub(super) fn of_chat(words: &Words, tokens: &[GeneratedToken]) -> ChatLogprobs {
    let entry = |generated: &GeneratedToken| {
        let logprobs = generated.logprobs.as_ref()?;
        Some(TokenLogprob {
            token: words.name(generated.token).into(),
            logprob: logprobs.logprob.into(),
            bytes: Some(words.bytes(generated.token)),
            top_logprobs: logprobs.top.iter().map(|(token, logprob)| top(words, *token, *logprob)).collect(),
        })
    };
    ChatLogprobs { content: Some(tokens.iter().filter_map(entry).collect()), refusal: None }
}

fn top(words: &Words, token: Token, logprob: f32) -> TopLogprob {
    TopLogprob { token: words.name(token).into(), logprob: logprob.into(), bytes: Some(words.bytes(token)) }
}

/// `choices[].logprobs` of completions, one piece after the other.
#[derive(Clone, Debug)]
pub(super) struct LegacyLogprobs {
    words: Words,
    skip_special: bool,
    /// Alternatives of each token.
    top: usize,
    /// Tokens that are reported beside them.
    ids: Vec<Token>,
    /// Characters before the next token.
    offset: usize,
}

impl LegacyLogprobs {
    /// As the request wants them, `top` alternatives each. Offsets begin after the echoed prompt, if there is one.
    pub(super) fn new(prepared: &Prepared, generation: &Generation, top: usize, echo: Option<&Echo>) -> Self {
        let request = &prepared.request;
        Self {
            words: Words::new(prepared, generation),
            skip_special: request.skip_special_tokens,
            top,
            ids: request.sampling.logprob_ids.clone(),
            offset: echo.map_or(0, |echo| echo.text.chars().count()),
        }
    }

    /// The arrays of an echoed prompt, whose tokens from the second on have these scores.
    pub(super) fn echoed(&self, echo: &Echo, scores: &[Score]) -> CompletionLogprobs {
        let mut arrays = CompletionLogprobs::default();
        let scores = std::iter::once(None).chain(scores.iter().map(|score| Some(&score.logprobs)));
        for ((token, offset), logprobs) in echo.places.iter().zip(scores) {
            self.push(&mut arrays, *token, logprobs, *offset);
        }
        arrays
    }

    /// Adds the next tokens of the answer to the arrays.
    pub(super) fn add(&mut self, arrays: &mut CompletionLogprobs, tokens: &[GeneratedToken]) {
        for generated in tokens.iter().filter(|generated| generated.logprobs.is_some()) {
            self.push(arrays, generated.token, generated.logprobs.as_ref(), self.offset);
            self.offset += self.characters(generated.token);
        }
    }

    fn push(&self, arrays: &mut CompletionLogprobs, token: Token, logprobs: Option<&TokenLogprobs>, offset: usize) {
        arrays.tokens.push(self.words.name(token).into());
        arrays.token_logprobs.push(logprobs.map(|logprobs| logprobs.logprob.into()));
        arrays.top_logprobs.push(logprobs.map(|logprobs| self.top(token, logprobs)));
        arrays.text_offset.push(offset);
    }

    /// The likeliest tokens, those that the request names, and the one that stands there.
    fn top(&self, token: Token, logprobs: &TokenLogprobs) -> TopTokens {
        let mut top = TopTokens::default();
        let (likeliest, others) = logprobs.top.split_at(self.top.min(logprobs.top.len()));
        let named = others.iter().filter(|(other, _)| self.ids.contains(other));
        for (token, logprob) in likeliest.iter().chain(named).copied().chain([(token, logprobs.logprob)]) {
            top.insert(self.words.name(token), logprob);
        }
        top
    }

    /// Characters that begin in a token: its bytes that do not continue one.
    fn characters(&self, token: Token) -> usize {
        self.words.tokenizer.shown_bytes(token, self.skip_special).iter().filter(|byte| **byte & 0xC0 != 0x80).count()
    }
}
