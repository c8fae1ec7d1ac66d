//! What of a prompt is still to be told: positions whose logits say how likely the prompt token behind them was, or whose
//! states are wanted.
//!
//! Invariant: nothing is lost or told twice, however the prompt is cut and however often it is computed. Positions are
//! told in order; whoever loses its blocks tells none of them again, and none is taken from the prefix cache before it is
//! told, because a cached block has neither logits nor states.

use std::ops::Range;

/// Positions to tell of, those before them done.
#[derive(Clone, Debug)]
pub(crate) struct Untold(Range<usize>);

impl Untold {
    /// The scores of a prompt of so many tokens: all but the last position, if they are asked for.
    pub(crate) fn scores(prompt_tokens: usize, wanted: bool) -> Self {
        Self(0..if wanted { prompt_tokens.saturating_sub(1) } else { 0 })
    }

    /// The states of a prompt of so many tokens: all positions, if they are asked for.
    pub(crate) fn states(prompt_tokens: usize, wanted: bool) -> Self {
        Self(0..if wanted { prompt_tokens } else { 0 })
    }

    /// The first one, if any is left.
    pub(crate) fn first(&self) -> Option<usize> {
        (!self.0.is_empty()).then_some(self.0.start)
    }

    /// Those among the positions `start .. end`.
    pub(crate) fn within(&self, start: usize, end: usize) -> Range<usize> {
        let (first, last) = (self.0.start.max(start), self.0.end.min(end));
        first..last.max(first)
    }

    /// How many positions from `start` on may be computed if `rows` of them may be told of; one always may.
    pub(crate) fn reach(&self, start: usize, rows: usize) -> usize {
        let done = self.0.start.saturating_sub(start);
        if self.0.is_empty() { usize::MAX } else { done.saturating_add(rows.max(1)) }
    }

    /// Writes down that the first `count` are told.
    pub(crate) fn told(&mut self, count: usize) {
        self.0.start += count;
    }

    /// Forgets what is told.
    pub(crate) fn restart(&mut self) {
        self.0.start = 0;
    }
}
