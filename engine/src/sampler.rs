//! One row of logits and one request's settings -> one token.
//!
//! Invariant: the token depends on the row, the settings and (seed, choice, position) alone. The sampler keeps no
//! state between draws but its scratch memory. Order and meaning follow transformers' logits processors.

mod adjust;
mod batch;
mod logprobs;
mod truncate;

use scheduler::{RowFault, Sample, SampleSpec, Token};

use crate::random;
pub(crate) use batch::Samplers;
use truncate::Candidate;

/// Scratch memory of one thread that samples.
#[derive(Debug, Default)]
struct Sampler {
    /// The row after masks, bias and penalties.
    adjusted: Vec<f32>,
    candidates: Vec<Candidate>,
    /// Sorted tokens or logits, while they are counted or selected.
    tokens: Vec<Token>,
    order: Vec<f32>,
}

impl Sampler {
    /// Draws one token from a row `[vocab]` of the model's own logits.
    fn sample(&mut self, row: &[f32], spec: &SampleSpec) -> Sample {
        if !all_finite(row) {
            return Sample { seq: spec.seq, token: Err(RowFault::NotFinite), logprobs: None };
        }
        let token = self.draw(row, spec);
        let logprobs = spec.params.logprobs.map(|top| logprobs::of(row, token, top));
        Sample { seq: spec.seq, token: Ok(token), logprobs }
    }

    fn draw(&mut self, row: &[f32], spec: &SampleSpec) -> Token {
        let row = if adjust::changes(spec) {
            self.adjusted.clear();
            self.adjusted.extend_from_slice(row);
            adjust::apply(&mut self.adjusted, spec, &mut self.tokens);
            &self.adjusted
        } else {
            row
        };
        if spec.params.temperature == 0.0 {
            return argmax(row);
        }
        truncate::candidates(row, &spec.params, &mut self.candidates, &mut self.order);
        let uniform = random::uniform(spec.params.seed, spec.choice, spec.generated as u64);
        pick(&self.candidates, uniform)
    }
}

/// The highest logit's token, the lowest id on a tie.
fn argmax(row: &[f32]) -> Token {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().position(|&logit| logit == highest).map_or(0, |index| index as Token)
}

/// Whether every logit is a number; without an early exit, so that it runs in wide registers.
fn all_finite(row: &[f32]) -> bool {
    row.iter().fold(0.0_f32, |sum, logit| sum + logit * 0.0) == 0.0
}

/// Inverts the cumulative distribution of the candidates, in their order.
fn pick(candidates: &[Candidate], uniform: f64) -> Token {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let mut left = uniform * total;
    for candidate in candidates {
        left -= f64::from(candidate.weight);
        if left < 0.0 {
            return candidate.token;
        }
    }
    // Rounding may leave a crumb above the last one's share.
    candidates.iter().rev().find(|candidate| candidate.weight > 0.0).map_or(0, |candidate| candidate.token)
}

#[cfg(test)]
mod tests;
