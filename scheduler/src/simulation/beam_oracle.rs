//! What a beam search must answer: every continuation of every beam, on the fake model run alone.

use std::sync::Arc;

use super::fake_model::{Context, candidates};
use super::oracle::{Expected, read_prompt};
use crate::{BeamParams, Candidate, FinishReason, RowFault, SampleSpec, SeqId, Submission, Token};

/// A text on its way, or finished.
#[derive(Clone)]
struct Text {
    tokens: Vec<Token>,
    context: Context,
    sum: f32,
}

/// A finished text, without a token that ends it.
struct Finished {
    score: f32,
    tokens: Vec<Token>,
    reason: FinishReason,
}

/// The answers of a submission, by rank, from an empty context.
pub(super) fn expect(submission: &Submission, empty: Context, beams: BeamParams) -> Vec<Expected> {
    let (context, scores) = match read_prompt(submission, empty) {
        Ok(read) => read,
        Err(failed) => return vec![failed; beams.returned],
    };
    let expected = |tokens, reason| Expected { tokens, vector: None, reason, scores: scores.clone() };
    let (mut living, mut finished) = (vec![Text { tokens: Vec::new(), context, sum: 0.0 }], Vec::new());
    for length in 1..=submission.params.max_new {
        let mut all = match continuations(submission, &living) {
            Ok(all) => all,
            Err(fault) => {
                let told = settled(&living, &finished);
                return vec![expected(told, FinishReason::RowFailed(fault)); beams.returned];
            }
        };
        all.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        let (mut ended, mut others) = (Vec::new(), Vec::new());
        for (place, text) in all.into_iter().enumerate() {
            match end(submission, &text) {
                None => others.push(text),
                Some(reason) if place < beams.width => ended.push((text, reason)),
                Some(_) => {}
            }
        }
        finished.extend(ended.into_iter().map(|(text, reason)| finish(text, reason, beams)));
        finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        finished.truncate(beams.width);
        others.truncate(beams.width);
        living = others;
        let full = finished.len() == beams.width;
        let hope = living.first().map(|best| best.sum / (length as f32).powf(beams.length_penalty));
        if hope.is_none_or(|hope| full && (beams.early_stopping || hope <= finished[beams.width - 1].score)) {
            break;
        }
        for text in &mut living {
            text.context.write(*text.tokens.last().expect("one more"));
        }
    }
    if submission.params.max_new == 0 {
        return vec![expected(Vec::new(), FinishReason::Length); beams.returned];
    }
    finished.into_iter().take(beams.returned).map(|it| expected(it.tokens, it.reason)).collect()
}

/// Every text with every token behind it, in order of texts and tokens.
fn continuations(submission: &Submission, living: &[Text]) -> Result<Vec<Text>, RowFault> {
    let params = &submission.params;
    let mut all = Vec::new();
    for text in living {
        let known = [submission.prompt.as_slice(), &text.tokens].concat();
        let seen = if params.needs_history() { known.as_slice() } else { &[] };
        let (generated, prompt_len) = (text.tokens.len(), submission.prompt.len());
        let spec = SampleSpec { row: 0, seq: SeqId(0), choice: 0, generated, prompt_len, params: Arc::clone(params) };
        for Candidate { token, score, .. } in candidates(text.context.value(), seen, &spec)? {
            let tokens = [text.tokens.as_slice(), &[token]].concat();
            all.push(Text { tokens, context: text.context.clone(), sum: text.sum + score });
        }
    }
    Ok(all)
}

fn end(submission: &Submission, text: &Text) -> Option<FinishReason> {
    let (params, last) = (&submission.params, *text.tokens.last().expect("one more"));
    if text.tokens.len() > params.min_new && params.stop_ids.contains(&last) {
        return Some(FinishReason::Stop(last));
    }
    (text.tokens.len() == params.max_new).then_some(FinishReason::Length)
}

fn finish(mut text: Text, reason: FinishReason, beams: BeamParams) -> Finished {
    let score = text.sum / (text.tokens.len() as f32).powf(beams.length_penalty);
    if let FinishReason::Stop(_) = reason {
        text.tokens.pop();
    }
    Finished { score, tokens: text.tokens, reason }
}

/// What all texts that may still be told begin with.
fn settled(living: &[Text], finished: &[Finished]) -> Vec<Token> {
    let mut texts = living.iter().map(|it| &it.tokens).chain(finished.iter().map(|it| &it.tokens));
    let mut common = texts.next().cloned().unwrap_or_default();
    for text in texts {
        let alike = common.iter().zip(text).take_while(|(a, b)| a == b).count();
        common.truncate(alike);
    }
    common
}
