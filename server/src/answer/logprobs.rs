//! Log-probabilities in the two forms of the wire.

use std::sync::Arc;

use proto::{ChatLogprobs, CompletionLogprobs, TokenLogprob, TopLogprob, TopTokens};
use scheduler::{Token, TokenLogprobs};

use crate::{choice::GeneratedToken, generate::Generation, prepare::Prepared, tokenizer::Tokenizer};

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
        if self.as_ids { format!("token_id:{token}") } else { self.tokenizer.token_text(token) }
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
    /// Characters before the next token.
    offset: usize,
}

impl LegacyLogprobs {
    /// Offsets begin after the echoed prompt, if there is one.
    pub(super) fn new(words: Words, skip_special: bool, echo: Option<&str>) -> Self {
        Self { words, skip_special, offset: echo.map_or(0, |text| text.chars().count()) }
    }

    /// The arrays of the next tokens.
    pub(super) fn next(&mut self, tokens: &[GeneratedToken]) -> CompletionLogprobs {
        let mut arrays = CompletionLogprobs::default();
        for generated in tokens {
            let Some(logprobs) = &generated.logprobs else { continue };
            arrays.tokens.push(self.words.name(generated.token).into());
            arrays.token_logprobs.push(Some(logprobs.logprob.into()));
            arrays.top_logprobs.push(Some(self.top(generated.token, logprobs)));
            arrays.text_offset.push(self.offset);
            self.offset += self.characters(generated.token);
        }
        arrays
    }

    /// The likeliest tokens and the sampled one.
    fn top(&self, token: Token, logprobs: &TokenLogprobs) -> TopTokens {
        let mut top = TopTokens::default();
        for (token, logprob) in logprobs.top.iter().copied().chain([(token, logprobs.logprob)]) {
            top.insert(self.words.name(token), logprob);
        }
        top
    }

    /// Characters that begin in a token: its bytes that do not continue one.
    fn characters(&self, token: Token) -> usize {
        self.words.tokenizer.shown_bytes(token, self.skip_special).iter().filter(|byte| **byte & 0xC0 != 0x80).count()
    }
}
