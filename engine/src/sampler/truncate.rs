//! Temperature, top-k, top-p, min-p: which tokens may be drawn, and with what weight.
//!
//! Each works on what the one before left. Only as much of the vocabulary is sorted as top-p needs.

use std::cmp::Ordering;

use scheduler::{SamplingParams, Token};

/// How many of the likeliest are sorted at first when top-p looks for its set.
const FIRST_SORTED: usize = 128;

/// A token that may be drawn. Weights are relative: exp((logit - highest) / temperature).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) token: Token,
    pub(super) weight: f32,
}

/// Fills `out` with the tokens that survive. `scratch` is memory to select logits in.
pub(super) fn candidates(row: &[f32], params: &SamplingParams, out: &mut Vec<Candidate>, scratch: &mut Vec<f32>) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let lowest_kept = top_k_threshold(row, params.top_k, scratch);
    out.clear();
    out.extend(row.iter().enumerate().filter(|(_, logit)| **logit >= lowest_kept).map(|(token, logit)| Candidate {
        token: token as Token,
        weight: ((logit - highest) / params.temperature).exp(),
    }));
    if params.top_p < 1.0 {
        keep_top_p(out, params.top_p);
    }
    if params.min_p > 0.0 {
        // The likeliest weighs 1.
        out.retain(|candidate| candidate.weight >= params.min_p);
    }
}

/// The k-th highest logit: all that equal it stay.
fn top_k_threshold(row: &[f32], k: usize, scratch: &mut Vec<f32>) -> f32 {
    if k == 0 || k >= row.len() {
        return f32::NEG_INFINITY;
    }
    scratch.clear();
    scratch.extend_from_slice(row);
    let (_, kth, _) = scratch.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    *kth
}

/// Keeps the likeliest until their share reaches `top_p`; at least one.
fn keep_top_p(candidates: &mut Vec<Candidate>, top_p: f32) {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let wanted = f64::from(top_p) * total;
    let mut sorted = FIRST_SORTED;
    loop {
        sort_head(candidates, sorted);
        let head = &candidates[..sorted.min(candidates.len())];
        if let Some(kept) = shortest_prefix(head, wanted) {
            candidates.truncate(kept);
            return;
        }
        if sorted >= candidates.len() {
            return;
        }
        sorted *= 8;
    }
}

/// Brings the `count` likeliest to the front, in order.
fn sort_head(candidates: &mut [Candidate], count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, |a, b| likelier_first(*a, *b));
    }
    let head = count.min(candidates.len());
    candidates[..head].sort_unstable_by(|a, b| likelier_first(*a, *b));
}

fn likelier_first(a: Candidate, b: Candidate) -> Ordering {
    b.weight.total_cmp(&a.weight).then(a.token.cmp(&b.token))
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
