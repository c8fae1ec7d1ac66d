//! `ALiBi`: by which slopes the scores of a model's heads fall with distance, in place of positions.

use std::ops::RangeInclusive;

use half::bf16;

use crate::kernels::cpu::score_rule::SlopeKind;

/// The rule for all layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlopeRule {
    /// How slopes are multiplied.
    pub kind: SlopeKind,
    /// How often the flattest one is half of 1.
    pub halvings: usize,
}

impl SlopeRule {
    /// Halvings where a file does not say how many.
    pub(crate) const USUAL_HALVINGS: usize = 8;
    /// How many there may be.
    pub(crate) const HALVINGS: RangeInclusive<u64> = 1..=64;

    /// Of so many heads. A power of two of them shares out the halvings evenly; where there are fewer, every second one of the
    /// next power's comes first, and what is missing are the others from the steepest on.
    pub fn of_heads(self, heads: usize) -> Vec<f32> {
        let power = heads.next_power_of_two();
        let slope = |step: usize| {
            let slope = (-((self.halvings * step) as f64) / power as f64).exp2() as f32;
            match self.kind {
                SlopeKind::Exact => slope,
                SlopeKind::Rounded => bf16::from_f32(slope).to_f32(),
            }
        };
        if power == heads {
            return (1..=power).map(slope).collect();
        }
        (2..=power).step_by(2).chain((1..power).step_by(2)).take(heads).map(slope).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slopes(halvings: usize, heads: usize) -> Vec<f32> {
        SlopeRule { kind: SlopeKind::Exact, halvings }.of_heads(heads)
    }

    #[test]
    fn heads_share_out_the_halvings() {
        assert_eq!(slopes(8, 1), [0.5_f32.powi(8)]);
        assert_eq!(slopes(8, 4), [2, 4, 6, 8].map(|halvings| 0.5_f32.powi(halvings)));
        assert_eq!(slopes(16, 4), [4, 8, 12, 16].map(|halvings| 0.5_f32.powi(halvings)));
        assert_eq!(slopes(8, 16)[0], 0.5_f32.sqrt());
    }

    #[test]
    fn other_numbers_of_heads_take_every_second_slope_first() {
        assert_eq!(slopes(8, 3), [4, 8, 2].map(|halvings| 0.5_f32.powi(halvings)));
        assert_eq!(slopes(8, 6), [2, 4, 6, 8, 1, 3].map(|halvings| 0.5_f32.powi(halvings)));
        let nine = SlopeRule { kind: SlopeKind::Rounded, halvings: 8 }.of_heads(9);
        assert_eq!(nine[..8], slopes(8, 8)[..]);
        assert_eq!(nine[8], 0.707_031_25, "rounded to eight bits");
    }
}
