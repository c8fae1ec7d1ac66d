//! What a beam may go on with: the likeliest tokens of its row.

use scheduler::Candidate;

use super::logit_row::LogitRow;
use super::logprobs::{likeliest, normaliser};
use super::truncate::Scratch;
use crate::kernels::cpu::isa::CheckedIsa;

/// The `count` likeliest tokens of `row`, best first, or all that it allows; `raw` is what the model itself gave.
pub(super) fn candidates(
    isa: CheckedIsa,
    (raw, row): (&LogitRow<'_>, &LogitRow<'_>),
    count: usize,
    scratch: &mut Scratch,
) -> Vec<Candidate> {
    let (of_all, of_allowed) = (normaliser(isa, raw, scratch), normaliser(isa, row, scratch));
    let best = likeliest(row, count, &mut scratch.logits).into_iter();
    let allowed = best.filter(|(_, logit)| *logit > f32::NEG_INFINITY);
    let candidate = |(token, logit): (_, f32)| Candidate {
        token,
        score: (f64::from(logit) - of_allowed) as f32,
        logprob: (f64::from(raw.values[token as usize]) - of_all) as f32,
    };
    allowed.map(candidate).collect()
}
