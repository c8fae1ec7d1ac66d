//! One row of logits and one request's settings -> one token, or how likely a given one is.
//!
//! Invariant: the token depends on the row, the settings and (seed, choice, position) alone. The sampler keeps no
//! state between draws but its scratch memory. Order and meaning follow transformers' logits processors.

mod adjust;
mod ban;
mod batch;
mod beam;
mod logit_row;
mod logprobs;
mod score;
mod truncate;

use std::sync::Arc;

use scheduler::{MaskState, RowFault, Sample, SampleSpec, SamplingParams, Token, TokenMask};

use crate::kernels::cpu::isa::CheckedIsa;
use crate::kernels::cpu::logit_row::{CHUNK, Weigh};
use crate::random;
use batch::Draw;
pub(crate) use batch::Samplers;
use logit_row::LogitRow;
use truncate::{Candidate, Scratch};

/// Scratch memory of one thread that samples.
#[derive(Debug, Default)]
struct Sampler {
    /// The row after masks, bias and penalties.
    adjusted: Vec<f32>,
    /// Tokens seen, while they are counted.
    counts: Vec<u32>,
    /// Greatest logits of the row's chunks, before and after adjustment.
    maxima: [Vec<f32>; 2],
    candidates: Vec<Candidate>,
    scratch: Scratch,
}

impl Sampler {
    /// Draws one token from a row of the model's own logits.
    fn sample(&mut self, isa: CheckedIsa, draw: Draw<'_>) -> Sample {
        let Self { adjusted, counts, maxima: [raw_maxima, adjusted_maxima], candidates, scratch } = self;
        let (seq, params) = (draw.spec.seq, &draw.spec.params);
        let fault = |fault| Sample::new(seq, Err(fault));
        let (raw, finite) = LogitRow::scan(isa, draw.row, raw_maxima);
        if !finite {
            return fault(RowFault::NotFinite);
        }
        let mask = match mask(draw.spec) {
            Ok(mask) => mask,
            Err(why) => return fault(why),
        };
        let row = if mask.is_some() || adjust::changes(draw.spec) {
            adjusted.clear();
            adjusted.extend_from_slice(draw.row);
            adjust::apply(adjusted, &draw, mask.as_deref(), counts);
            let (row, _) = LogitRow::scan(isa, adjusted, adjusted_maxima);
            if row.highest == f32::NEG_INFINITY {
                return fault(RowFault::NothingLeft);
            }
            row
        } else {
            raw
        };
        if let Some(count) = params.num_candidates() {
            let candidates = beam::candidates(isa, (&raw, &row), count, scratch);
            let best = candidates[0].token;
            let reported = |top| logprobs::of(isa, &raw, (best, top, &params.logprob_ids), scratch);
            return Sample { seq, token: Ok(best), logprobs: params.logprobs.map(reported), candidates };
        }
        let uniform = || random::uniform(params.seed, draw.spec.choice, draw.spec.generated as u64);
        let token = if params.temperature == 0.0 {
            row.argmax()
        } else if truncate::keeps_all(&row, params) {
            pick_from_all(isa, &row, (params, uniform()), scratch)
        } else {
            truncate::candidates(isa, &row, params, candidates, scratch);
            pick(candidates, uniform())
        };
        let logprobs = params.logprobs.map(|top| logprobs::of(isa, &raw, (token, top, &params.logprob_ids), scratch));
        Sample { logprobs, ..Sample::new(seq, Ok(token)) }
    }
}

/// The tokens that the draw's constraint allows, if it has one.
fn mask(spec: &SampleSpec) -> Result<Option<Arc<TokenMask>>, RowFault> {
    let Some(constraint) = &spec.params.constraint else { return Ok(None) };
    match constraint.mask(spec.choice, spec.generated) {
        MaskState::Ready(mask) if mask.is_empty() => Err(RowFault::MaskFailed),
        MaskState::Ready(mask) => Ok(Some(mask)),
        MaskState::Late => Err(RowFault::MaskLate),
        MaskState::Failed => Err(RowFault::MaskFailed),
    }
}

/// Inverts the cumulative distribution of the candidates, in their order.
fn pick(candidates: &[Candidate], uniform: f64) -> Token {
    let weights = || candidates.iter().map(|candidate| candidate.weight);
    let total: f64 = weights().map(f64::from).sum();
    crossed(weights(), uniform * total).map_or(0, |index| candidates[index].token)
}

/// Inverts the cumulative distribution of the whole row, in order of ids: first over its chunks, then within one.
fn pick_from_all(
    isa: CheckedIsa,
    row: &LogitRow<'_>,
    (params, uniform): (&SamplingParams, f64),
    scratch: &mut Scratch,
) -> Token {
    let mut left = uniform * row.sum_weights(isa, params.temperature, &mut scratch.sums);
    let mut reached = (0, left);
    for (chunk, sum) in scratch.sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
        reached = (chunk, left);
        left -= sum;
        if left < 0.0 {
            break;
        }
    }
    let (chunk, left) = reached;
    let first = chunk * CHUNK;
    let weights = &mut scratch.logits;
    weights.clear();
    weights.extend(row.values[first..].iter().take(CHUNK));
    isa.run(Weigh { values: weights, scale: row.scale(params.temperature) });
    (first + crossed(weights.iter().copied(), left).unwrap_or(0)) as Token
}

/// Index of the weight that takes `left` below zero. Rounding may leave a crumb: then the last that is not zero.
fn crossed(weights: impl Iterator<Item = f32>, mut left: f64) -> Option<usize> {
    let mut last = None;
    for (index, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = Some(index);
        left -= f64::from(weight);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests;
