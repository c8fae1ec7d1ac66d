//! `prompt_logprobs`: each place of a prompt as a map of tokens to how likely they were.

use proto::{PlaceLogprobs, PromptLogprob};
use scheduler::{Score, Token};

use super::logprobs::Words;
use crate::{generate::Generation, prepare::Prepared};

/// Of prompt number `prompt`, if the request asks for them; null for its first token.
pub(super) fn prompt_logprobs(
    words: &Words,
    prepared: &Prepared,
    generation: &Generation,
    prompt: usize,
) -> Option<Vec<Option<PlaceLogprobs>>> {
    let top = prepared.request.prompt_logprobs?;
    let behind_first = prepared.prompts[prompt].tokens.iter().skip(1).zip(generation.scores(prompt));
    let places = behind_first.map(|(token, score)| Some(place(words, top, *token, score)));
    Some(std::iter::once(None).chain(places).collect())
}

/// The likeliest tokens and, where it is none of them, the prompt's own.
fn place(words: &Words, top: usize, token: Token, score: &Score) -> PlaceLogprobs {
    let likeliest = (1..).zip(&score.logprobs.top).take(top).map(|(rank, (token, logprob))| (rank, *token, *logprob));
    let own = (score.rank > top).then_some((score.rank, token, score.logprobs.logprob));
    let entry = |(rank, token, logprob): (usize, Token, f32)| {
        (token, PromptLogprob { logprob: logprob.into(), rank, decoded_token: words.text(token).into() })
    };
    likeliest.chain(own).map(entry).collect()
}
