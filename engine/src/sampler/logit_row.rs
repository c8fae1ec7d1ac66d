//! A row of logits with the greatest of each chunk beside it, so that a search skips nearly all of it.

use scheduler::Token;

use crate::kernels::cpu::isa::CheckedIsa;
use crate::kernels::cpu::logit_row::{CHUNK, Scale, ScanRow, SumWeights};

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogitRow<'a> {
    /// `[vocab]`
    pub(super) values: &'a [f32],
    /// Greatest of each chunk.
    maxima: &'a [f32],
    /// Greatest of all.
    pub(super) highest: f32,
}

impl<'a> LogitRow<'a> {
    /// Looks at every logit once. `maxima` is memory to keep; also whether all of them are finite.
    pub(super) fn scan(isa: CheckedIsa, values: &'a [f32], maxima: &'a mut Vec<f32>) -> (Self, bool) {
        let finite = isa.run(ScanRow { values, maxima });
        let highest = maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (Self { values, maxima, highest }, finite)
    }

    /// The highest logit's token, the lowest id on a tie.
    pub(super) fn argmax(&self) -> Token {
        self.at_least(self.highest).next().map_or(0, |(token, _)| token)
    }

    /// The token's place among all, from 1: behind higher logits, and behind equal ones of lower ids.
    pub(super) fn rank(&self, token: Token) -> usize {
        let own = self.values[token as usize];
        1 + self.at_least(own).filter(|(other, logit)| *logit > own || *other < token).count()
    }

    /// Tokens whose logit is not below `bound`, in order of their ids.
    pub(super) fn at_least(&self, bound: f32) -> impl Iterator<Item = (Token, f32)> + 'a {
        let chunks = self.values.chunks(CHUNK).zip(self.maxima).enumerate();
        chunks.filter(move |(_, (_, greatest))| **greatest >= bound).flat_map(move |(index, (chunk, _))| {
            let tokens = (index * CHUNK) as Token..;
            tokens.zip(chunk.iter().copied()).filter(move |(_, logit)| *logit >= bound)
        })
    }

    /// A logit that `count` tokens reach at least, and not many more: that of the chunk of that rank.
    pub(super) fn reached_by(&self, count: usize, scratch: &mut Vec<f32>) -> f32 {
        if count == 0 || count > self.maxima.len() {
            return f32::NEG_INFINITY;
        }
        scratch.clear();
        scratch.extend_from_slice(self.maxima);
        nth_highest(scratch, count)
    }

    /// Sums of the weights of each chunk of [`CHUNK`] logits, into `sums`; returns their total.
    pub(super) fn sum_weights(&self, isa: CheckedIsa, temperature: f32, sums: &mut Vec<f64>) -> f64 {
        isa.run(SumWeights { values: self.values, scale: self.scale(temperature), sums });
        sums.iter().sum()
    }

    /// Weights relative to the highest logit.
    pub(super) fn scale(&self, temperature: f32) -> Scale {
        Scale { highest: self.highest, temperature }
    }
}

/// The `count`-th highest of the values, which change their order; there are so many.
pub(super) fn nth_highest(values: &mut [f32], count: usize) -> f32 {
    *values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a)).1
}
