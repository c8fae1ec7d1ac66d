//! What a sequence must say or be: the fake model run alone on plain memory, without blocks, chunks or neighbours.

use std::sync::Arc;

use super::fake_model::{Context, draw, pool, score};
use crate::{FinishReason, RowFault, SampleSpec, Score, SeqId, Submission, Token};

/// The text or the vector of one choice, and its end, undisturbed.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) tokens: Vec<Token>,
    /// Or the states of all tokens, up to the first that has none.
    pub(super) vector: Option<Vec<f32>>,
    pub(super) reason: FinishReason,
    /// Of the prompt, if it is scored.
    pub(super) scores: Vec<Score>,
}

/// What the model has seen after the prompt, and its scores; or, if one of them is missing, the end.
pub(super) fn read_prompt(submission: &Submission, mut context: Context) -> Result<(Context, Vec<Score>), Expected> {
    let mut scores = Vec::new();
    for (position, &token) in submission.prompt.iter().enumerate() {
        if position > 0 && submission.params.prompt_logprobs.is_some() {
            match score(context.value(), token, &submission.params) {
                Ok(score) => scores.push(score),
                Err(fault) => {
                    let reason = FinishReason::RowFailed(fault);
                    return Err(Expected { tokens: Vec::new(), vector: None, reason, scores });
                }
            }
        }
        context.write(token);
    }
    Ok((context, scores))
}

/// The vector of a text, or the states of its tokens as far as there are any; and why there are no more.
fn read_text(submission: &Submission, mut context: Context) -> (Vec<f32>, Option<RowFault>) {
    let Submission { prompt, second, asked, each_token, .. } = submission;
    let mut told = Vec::new();
    for (left, &token) in (0..prompt.len()).rev().zip(prompt) {
        context.write(token);
        if left > 0 && !each_token {
            continue;
        }
        match pool(context.value(), *second, asked, *each_token) {
            Ok(vector) => told.extend(vector),
            Err(fault) => return (told, Some(fault)),
        }
    }
    (told, None)
}

/// Runs one choice of a submission alone, from an empty context.
pub(super) fn expect(submission: &Submission, empty: Context, choice: u32) -> Expected {
    if submission.pooled {
        let (vector, fault) = read_text(submission, empty);
        let reason = fault.map_or(FinishReason::Length, FinishReason::RowFailed);
        return Expected { tokens: Vec::new(), vector: Some(vector), reason, scores: Vec::new() };
    }
    let params = &submission.params;
    let mut known = submission.prompt.clone();
    let (mut context, scores) = match read_prompt(submission, empty) {
        Ok(read) => read,
        Err(failed) => return failed,
    };
    for generated in 0..params.max_new {
        let seen = if params.needs_history() { known.as_slice() } else { &[] };
        let prompt_len = submission.prompt.len();
        let spec = SampleSpec { row: 0, seq: SeqId(0), choice, generated, prompt_len, params: Arc::clone(params) };
        let tokens = known[prompt_len..].to_vec();
        match draw(context.value(), seen, &spec) {
            Err(fault) => return Expected { tokens, vector: None, reason: FinishReason::RowFailed(fault), scores },
            Ok(token) if generated >= params.min_new && params.stop_ids.contains(&token) => {
                return Expected { tokens, vector: None, reason: FinishReason::Stop(token), scores };
            }
            Ok(token) => {
                context.write(token);
                known.push(token);
            }
        }
    }
    let tokens = known.split_off(submission.prompt.len());
    Expected { tokens, vector: None, reason: FinishReason::Length, scores }
}
