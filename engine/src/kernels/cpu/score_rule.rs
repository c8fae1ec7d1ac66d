//! What a model does to attention scores before their softmax: scale, cap, bias or slope by distance, window.

use std::ops::Range;

use half::bf16;

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
    /// Positions that a token sees on each side that it sees, its own included, at least one; all where there is none.
    pub window: Option<usize>,
    /// Added to the scores of each head.
    pub bias: Option<DistanceBias<'a>>,
    /// So with distances of which no number is kept.
    pub slopes: Option<Slopes<'a>>,
}

/// Which positions of its sequence a token sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Its own and those before it.
    Back,
    /// Those ahead of it too: the sequence is computed whole.
    Both,
}

/// A number for each head and distance of key from query, in order of keys; those farther away take the nearest one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistanceBias<'a> {
    /// `[heads, columns]`
    pub values: &'a [f32],
    /// At least one.
    pub columns: usize,
    /// Which of them is that of the query's own position.
    pub own: usize,
}

/// `ALiBi`: what is added falls with the distance of a key behind its query, in each head by a slope of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slopes<'a> {
    /// `[heads]`
    pub of_heads: &'a [f32],
    /// How they are multiplied.
    pub kind: SlopeKind,
}

/// What slopes are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlopeKind {
    /// The distance.
    Exact,
    /// Both positions: each is rounded to bfloat16, so is its product with the slope, and the products' difference is scaled
    /// as scores are. Far positions share a product, as they did when the model was trained.
    Rounded,
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

impl DistanceBias<'_> {
    /// Adds the numbers of one query and head to its scores of the positions `seen`.
    #[inline(always)]
    fn add(&self, (position, head): (usize, usize), seen: Seen, scores: &mut [f32]) {
        let of_head = &self.values[head * self.columns..][..self.columns];
        let near = Seen { start: position.saturating_sub(self.own), end: position + self.columns - self.own };
        let near = near.within(seen.start..seen.end);
        let (before, rest) = scores.split_at_mut(near.start - seen.start);
        let (beside, ahead) = rest.split_at_mut(near.end - near.start);
        let first = (self.own + near.start).saturating_sub(position).min(self.columns - 1);
        for score in before {
            *score += of_head[0];
        }
        beside.iter_mut().zip(&of_head[first..]).for_each(|(score, bias)| *score += bias);
        for score in ahead {
            *score += of_head[self.columns - 1];
        }
    }
}

impl Slopes<'_> {
    /// Adds what distances take from one query and head to its scores of the positions from `first` on.
    #[inline(always)]
    fn add(&self, scale: f32, (position, head): (usize, usize), first: usize, scores: &mut [f32]) {
        let slope = self.of_heads[head];
        match self.kind {
            SlopeKind::Exact => {
                let behind = position as i32 - first as i32;
                for (index, score) in scores.iter_mut().enumerate() {
                    *score -= slope * (behind - index as i32) as f32;
                }
            }
            SlopeKind::Rounded => {
                let own = rounded_product(slope, position);
                for (key, score) in (first..).zip(scores) {
                    *score += (rounded_product(slope, key) - own) * scale;
                }
            }
        }
    }
}

/// Of a slope that is one of bfloat16's numbers and a position.
#[inline(always)]
fn rounded_product(slope: f32, position: usize) -> f32 {
    bf16::from_f32(slope * bf16::from_f32(position as f32).to_f32()).to_f32()
}

impl ScoreRule<'_> {
    /// Nothing but a scale.
    pub fn scaled(scale: f32) -> Self {
        Self { scale, sight: Sight::Back, softcap: None, window: None, bias: None, slopes: None }
    }

    /// The end of what tokens see that stand before `next`, in a sequence of so many positions.
    pub(crate) fn end(&self, next: usize, positions: usize) -> usize {
        match (self.sight, self.window) {
            (Sight::Back, _) => next,
            (Sight::Both, None) => positions,
            (Sight::Both, Some(window)) => positions.min(next + window - 1),
        }
    }

    /// What a token at `position` sees of so many positions.
    pub(super) fn seen(&self, position: usize, positions: usize) -> Seen {
        let start = self.window.map_or(0, |window| (position + 1).saturating_sub(window));
        Seen { start, end: self.end(position + 1, positions) }
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
            bias.add((position, head), seen, &mut scores[seen.start - first..seen.end - first]);
        }
        if let Some(slopes) = self.slopes {
            let scores = &mut scores[seen.start - first..seen.end - first];
            slopes.add(self.scale, (position, head), seen.start, scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What torch multiplies: the last of nine slopes, and positions of more bits than bfloat16 has.
    #[test]
    fn products_are_rounded_as_torch_rounds_them() {
        let products = [1, 3, 257, 1001, 2047].map(|position| rounded_product(0.707_031_25, position));
        assert_eq!(products, [0.707_031_25, 2.125, 181.0, 708.0, 1448.0]);
    }
}
