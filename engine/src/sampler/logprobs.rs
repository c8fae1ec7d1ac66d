//! Log-softmax of a row, for the sampled token and the likeliest.

use scheduler::{Token, TokenLogprobs};

use super::logit_row::LogitRow;
use super::truncate::{Scratch, likelier_first};
use crate::kernels::cpu::isa::CheckedIsa;

/// Log-probabilities of `token` and of the `top` likeliest, best first, lowest id first on a tie, then of the other ids.
pub(super) fn of(
    isa: CheckedIsa,
    row: &LogitRow<'_>,
    (token, top, ids): (Token, usize, &[Token]),
    scratch: &mut Scratch,
) -> TokenLogprobs {
    let normaliser = normaliser(isa, row, scratch);
    let logprob = |logit: f32| (f64::from(logit) - normaliser) as f32;
    let mut reported = likeliest(row, top, &mut scratch.logits);
    for &id in ids {
        if reported.iter().all(|(token, _)| *token != id) {
            reported.push((id, row.values[id as usize]));
        }
    }
    TokenLogprobs {
        logprob: logprob(row.values[token as usize]),
        top: reported.into_iter().map(|(token, logit)| (token, logprob(logit))).collect(),
    }
}

/// What is subtracted from a logit to make it a log-probability.
pub(super) fn normaliser(isa: CheckedIsa, row: &LogitRow<'_>, scratch: &mut Scratch) -> f64 {
    f64::from(row.highest) + row.sum_weights(isa, 1.0, &mut scratch.sums).ln()
}

/// The `count` highest logits, or all there are.
pub(super) fn likeliest(row: &LogitRow<'_>, count: usize, scratch: &mut Vec<f32>) -> Vec<(Token, f32)> {
    if count == 0 {
        return Vec::new();
    }
    let mut best: Vec<(Token, f32)> = row.at_least(row.reached_by(count, scratch)).collect();
    best.sort_unstable_by(|a, b| likelier_first(*a, *b));
    best.truncate(count);
    best
}
