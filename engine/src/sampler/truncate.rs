//! Temperature, top-k, top-p, min-p, typical-p: which tokens may be drawn, and with what weight.
//!
//! Each works on what the one before left. No more of the vocabulary is gathered, weighed and sorted than can matter.

use std::cmp::Ordering;

use scheduler::{SamplingParams, Token};

use super::logit_row::{LogitRow, nth_highest};
use crate::kernels::cpu::isa::CheckedIsa;
use crate::kernels::cpu::logit_row::Weigh;

/// How many of the likeliest are gathered at first when top-p looks for its set.
const FIRST_GATHERED: usize = 64;

/// By how much an exponent may be off when min-p is turned into a bound: far more than it ever is.
const SLACK: f64 = 0.01;

/// A token that may be drawn. Weights are relative: exp((logit - highest) / temperature).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) token: Token,
    logit: f32,
    pub(super) weight: f32,
}

/// Memory to work in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Logits to select or to weigh.
    pub(super) logits: Vec<f32>,
    /// Sums of weights by chunk.
    pub(super) sums: Vec<f64>,
    /// Candidates by how typical they are.
    nearest: Vec<Near>,
}

/// How far a candidate's surprise is from the expected one.
#[derive(Clone, Copy, Debug)]
struct Near {
    distance: f64,
    weight: f64,
}

/// Whether every token may be drawn.
pub(super) fn keeps_all(row: &LogitRow<'_>, params: &SamplingParams) -> bool {
    !cuts_top_k(row, params) && params.top_p >= 1.0 && params.min_p <= 0.0 && params.typical_p >= 1.0
}

/// Fills `out` with the tokens that survive, where not all do.
pub(super) fn candidates(
    isa: CheckedIsa,
    row: &LogitRow<'_>,
    params: &SamplingParams,
    out: &mut Vec<Candidate>,
    scratch: &mut Scratch,
) {
    let gather = Gather { isa, row, temperature: params.temperature };
    if cuts_top_k(row, params) {
        gather.at_least(kth_highest(row, params.top_k, &mut scratch.logits), out, &mut scratch.logits);
        if params.top_p < 1.0 {
            let total = out.iter().map(|candidate| f64::from(candidate.weight)).sum::<f64>();
            sort(out);
            if let Some(kept) = shortest_prefix(out, f64::from(params.top_p) * total) {
                out.truncate(kept);
            }
        }
    } else if params.top_p < 1.0 {
        gather.top_p(params.top_p, out, scratch);
    } else {
        let exponent = f64::from(params.min_p).ln() - SLACK;
        let bound = f64::from(row.highest) + f64::from(params.temperature) * exponent;
        gather.at_least((bound as f32).next_down(), out, &mut scratch.logits);
    }
    if params.min_p > 0.0 {
        // The likeliest weighs 1.
        out.retain(|candidate| candidate.weight >= params.min_p);
    }
    if params.typical_p < 1.0 {
        keep_typical(out, (params.typical_p, params.temperature), &mut scratch.nearest);
    }
}

/// Keeps the tokens whose surprise, minus the logarithm of the probability, is nearest to the expected one, until their
/// share reaches `mass`; with the last of them all that are as near.
fn keep_typical(candidates: &mut Vec<Candidate>, (mass, temperature): (f32, f32), nearest: &mut Vec<Near>) {
    candidates.retain(|candidate| candidate.weight > 0.0);
    let weight = |candidate: &Candidate| f64::from(candidate.weight);
    let total: f64 = candidates.iter().map(weight).sum();
    let highest = candidates.iter().map(|candidate| candidate.logit).fold(f32::NEG_INFINITY, f32::max);
    // Less what all have in common, the logarithm of the total.
    let surprise = |candidate: &Candidate| f64::from(highest - candidate.logit) / f64::from(temperature);
    let expected = candidates.iter().map(|candidate| weight(candidate) * surprise(candidate)).sum::<f64>() / total;
    let distance = |candidate: &Candidate| (surprise(candidate) - expected).abs();
    nearest.clear();
    nearest
        .extend(candidates.iter().map(|candidate| Near { distance: distance(candidate), weight: weight(candidate) }));
    let farthest = farthest_of(nearest, f64::from(mass) * total);
    candidates.retain(|candidate| distance(candidate) <= farthest);
}

/// How far the nearest reach that weigh `wanted` together. No more of them are sorted than can matter.
fn farthest_of(all: &mut [Near], wanted: f64) -> f64 {
    let nearer = |a: &Near, b: &Near| a.distance.total_cmp(&b.distance).then(a.weight.total_cmp(&b.weight));
    let mut count = FIRST_GATHERED.min(all.len());
    loop {
        if count < all.len() {
            all.select_nth_unstable_by(count, nearer);
        }
        let head = &mut all[..count];
        head.sort_unstable_by(nearer);
        let mut sum = 0.0;
        for near in head {
            sum += near.weight;
            if sum >= wanted {
                return near.distance;
            }
        }
        if count == all.len() {
            return f64::INFINITY;
        }
        count = all.len().min(8 * count);
    }
}

/// Brings the likeliest to the front, lowest id first on a tie.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| likelier_first((a.token, a.logit), (b.token, b.logit)));
}

/// The order of the likeliest tokens: highest logit first, then lowest id.
pub(super) fn likelier_first((token_a, a): (Token, f32), (token_b, b): (Token, f32)) -> Ordering {
    b.total_cmp(&a).then(token_a.cmp(&token_b))
}

fn cuts_top_k(row: &LogitRow<'_>, params: &SamplingParams) -> bool {
    (1..row.values.len()).contains(&params.top_k)
}

/// The k-th highest logit: all that equal it stay.
fn kth_highest(row: &LogitRow<'_>, k: usize, scratch: &mut Vec<f32>) -> f32 {
    let bound = row.reached_by(k, scratch);
    scratch.clear();
    scratch.extend(row.at_least(bound).map(|(_, logit)| logit));
    nth_highest(scratch, k)
}

/// Takes candidates out of a row.
struct Gather<'a> {
    isa: CheckedIsa,
    row: &'a LogitRow<'a>,
    temperature: f32,
}

impl Gather<'_> {
    /// Those not below `bound`, in order of their ids.
    fn at_least(&self, bound: f32, out: &mut Vec<Candidate>, scratch: &mut Vec<f32>) {
        out.clear();
        out.extend(self.row.at_least(bound).map(|(token, logit)| Candidate { token, logit, weight: 0.0 }));
        scratch.clear();
        scratch.extend(out.iter().map(|candidate| candidate.logit));
        self.isa.run(Weigh { values: scratch, scale: self.row.scale(self.temperature) });
        for (candidate, weight) in out.iter_mut().zip(scratch) {
            candidate.weight = *weight;
        }
    }

    /// The likeliest until their share reaches `top_p`, in order; at least one.
    fn top_p(&self, top_p: f32, out: &mut Vec<Candidate>, scratch: &mut Scratch) {
        let wanted = f64::from(top_p) * self.row.sum_weights(self.isa, self.temperature, &mut scratch.sums);
        let mut count = FIRST_GATHERED;
        loop {
            let bound = self.row.reached_by(count, &mut scratch.logits);
            self.at_least(bound, out, &mut scratch.logits);
            sort(out);
            if let Some(kept) = shortest_prefix(out, wanted) {
                return out.truncate(kept);
            }
            if bound == f32::NEG_INFINITY {
                return;
            }
            count *= 8;
        }
    }
}

/// Length of the shortest prefix, at least one, whose weight reaches `wanted`.
fn shortest_prefix(sorted: &[Candidate], wanted: f64) -> Option<usize> {
    let mut sum = 0.0;
    for (index, candidate) in sorted.iter().enumerate() {
        sum += f64::from(candidate.weight);
        if sum >= wanted {
            return Some(index + 1);
        }
    }
    None
}
