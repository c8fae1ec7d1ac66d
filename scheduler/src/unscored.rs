//! What of a prompt is still to be scored: positions whose logits say how likely the prompt token behind them was.
//!
//! Invariant: no score is lost or given twice, however the prompt is cut and however often it is computed. Positions
//! are scored in order; whoever loses its blocks scores none of them again, and none is taken from the prefix cache
//! before it is scored, because a cached block has no logits.

use std::ops::Range;

/// Positions to score, those before them done.
#[derive(Clone, Debug)]
pub(crate) struct Unscored(Range<usize>);

impl Unscored {
    /// Of a prompt of so many tokens: all but the last position, if scores are asked for.
    pub(crate) fn new(prompt_tokens: usize, wanted: bool) -> Self {
        Self(0..if wanted { prompt_tokens.saturating_sub(1) } else { 0 })
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

    /// How many positions from `start` on may be computed if `rows` of them may be scored; one always may.
    pub(crate) fn reach(&self, start: usize, rows: usize) -> usize {
        let done = self.0.start.saturating_sub(start);
        if self.0.is_empty() { usize::MAX } else { done.saturating_add(rows.max(1)) }
    }

    /// Writes down that the first `count` are scored.
    pub(crate) fn scored(&mut self, count: usize) {
        self.0.start += count;
    }

    /// Forgets what is scored.
    pub(crate) fn restart(&mut self) {
        self.0.start = 0;
    }
}
