//! What a model does to attention scores before their softmax: scale, cap, bias by distance, window.

use std::ops::Range;

use super::simd::{LANES, Simd};
use super::softcap::softcapped;
use super::softmax::Weights;

/// The rule of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRule<'a> {
    /// Factor of the scores, as a rule `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// Which positions a token sees.
    pub sight: Sight,
    /// Scores become `cap * tanh(score / cap)`.
    pub softcap: Option<f32>,
    /// Positions that a token sees, its own included; all before it where there is none.
    pub window: Option<usize>,
    /// Added to the scores of each head, of keys that are not ahead.
    pub bias: Option<DistanceBias<'a>>,
}

/// Which positions of its sequence a token sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Its own and those before it.
    Back,
    /// All: the sequence is computed whole, and has neither windows nor biases.
    Both,
}

/// A number for each head and distance of key from query; greater distances take the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistanceBias<'a> {
    /// `[heads, distances]`
    pub values: &'a [f32],
    /// At least one.
    pub distances: usize,
}

/// Positions that a row sees, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Seen {
    /// None, at some position.
    pub(super) fn nothing(at: usize) -> Self {
        Self { start: at, end: at }
    }

    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Those of a partition.
    pub(super) fn within(self, partition: Range<usize>) -> Self {
        let end = self.end.clamp(partition.start, partition.end);
        Self { start: self.start.clamp(partition.start, end), end }
    }
}

impl ScoreRule<'_> {
    /// Nothing but a scale.
    pub fn scaled(scale: f32) -> Self {
        Self { scale, sight: Sight::Back, softcap: None, window: None, bias: None }
    }

    /// The end of what tokens see that stand before `next`, in a sequence of so many positions.
    pub(crate) fn end(&self, next: usize, positions: usize) -> usize {
        match self.sight {
            Sight::Back => next,
            Sight::Both => positions,
        }
    }

    /// What a token at `position` sees of so many positions.
    pub(super) fn seen(&self, position: usize, positions: usize) -> Seen {
        let end = self.end(position + 1, positions);
        Seen { start: self.window.map_or(0, |window| end.saturating_sub(window)), end }
    }

    /// Caps and biases the scores of what one row sees of the partition at `first`.
    #[inline(always)]
    pub(super) fn adjust<S: Simd>(
        &self,
        simd: S,
        (position, head): (usize, usize),
        (first, seen): (usize, Seen),
        scores: &mut Weights,
    ) {
        if let Some(cap) = self.softcap {
            let lines = (seen.start - first) / LANES..(seen.end - first).div_ceil(LANES);
            for line in &mut scores.as_chunks_mut::<LANES>().0[lines] {
                let capped = softcapped(simd, simd.load(line), cap);
                simd.store(capped, line);
            }
        }
        if let Some(bias) = self.bias {
            let of_head = &bias.values[head * bias.distances..][..bias.distances];
            for key in seen.start..seen.end {
                scores[key - first] += of_head[(position - key).min(bias.distances - 1)];
            }
        }
    }
}
