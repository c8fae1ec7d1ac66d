//! Rotary position embedding: angles of a step's positions, computed once and used by every layer.
//!
//! Of the elements that turn, pair (i, i + half of them) does by position times inverse frequency; all of it in f32, as the
//! models were trained.

use std::f32::consts::TAU;
use std::ops::Range;

use crate::config::{RopeConfig, RopeScaling};
use crate::kernels::cpu::store_kv::rotate;

/// The inverse frequencies of one model, one for each pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    inverse_frequencies: Vec<f32>,
    /// Factor of cosines and sines.
    amplitude: f32,
}

impl Rope {
    /// Frequencies for heads of which so many elements turn, and texts of any length.
    pub fn new(config: &RopeConfig, turned_dim: usize) -> Self {
        Self::for_texts(config, turned_dim, usize::MAX)
    }

    /// Frequencies where the longest text has so many tokens.
    pub fn for_texts(config: &RopeConfig, turned_dim: usize, longest: usize) -> Self {
        let exponent = |pair: usize| (2 * pair) as f32 / turned_dim as f32;
        let plain = (0..turned_dim / 2).map(|pair| 1.0 / config.theta.powf(exponent(pair)));
        let scaled = plain.enumerate().map(|(pair, frequency)| scale(&config.scaling, longest, (pair, frequency)));
        let amplitude = if let RopeScaling::Long(long) = &config.scaling { long.amplitude } else { 1.0 };
        Self { inverse_frequencies: scaled.collect(), amplitude }
    }

    /// Cosines and sines for rows at these positions.
    pub fn angles(&self, positions: impl IntoIterator<Item = usize>) -> RopeAngles {
        let mut angles = RopeAngles::default();
        angles.fill(self, positions);
        angles
    }
}

fn scale(scaling: &RopeScaling, longest: usize, (pair, frequency): (usize, f32)) -> f32 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Divisors(divisors) => frequency / divisors[pair],
        RopeScaling::Long(long) => frequency / long.divisors(longest)[pair],
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_positions } => {
            let (wavelength, context) = (TAU / frequency, *original_max_positions as f32);
            if wavelength < context / high_freq_factor {
                return frequency;
            }
            if wavelength > context / low_freq_factor {
                return frequency / factor;
            }
            let smooth = (context / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    }
}

/// Cosines and sines, `[rows, pairs]` each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RopeAngles {
    pairs: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl RopeAngles {
    /// Elements of a head that turn.
    pub fn turned_dim(&self) -> usize {
        2 * self.pairs
    }

    /// Takes cosines and sines for rows at these positions, keeping its memory.
    pub fn fill(&mut self, rope: &Rope, positions: impl IntoIterator<Item = usize>) {
        self.pairs = rope.inverse_frequencies.len();
        self.cosines.clear();
        self.sines.clear();
        for position in positions {
            for frequency in &rope.inverse_frequencies {
                let (sine, cosine) = (position as f32 * frequency).sin_cos();
                self.cosines.push(cosine * rope.amplitude);
                self.sines.push(sine * rope.amplitude);
            }
        }
    }

    /// Cosines and sines of some rows, `[rows, pairs]` each.
    pub fn of_rows(&self, rows: Range<usize>) -> (&[f32], &[f32]) {
        let angles = rows.start * self.pairs..rows.end * self.pairs;
        (&self.cosines[angles.clone()], &self.sines[angles])
    }

    /// Turns each head of one row `[heads, head_dim]`.
    pub fn rotate(&self, row: usize, head_dim: usize, heads: &mut [f32]) {
        rotate(heads, head_dim, self.of_rows(row..row + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LongRope;

    fn config(scaling: RopeScaling) -> RopeConfig {
        RopeConfig { theta: 10_000.0, scaling }
    }

    #[test]
    fn turning_keeps_lengths_and_follows_the_angle() {
        let angles = Rope::new(&config(RopeScaling::None), 8).angles([0, 7]);
        let mut heads = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        angles.rotate(0, 8, &mut heads);
        assert_eq!(heads, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        angles.rotate(1, 8, &mut heads);
        let turned = |a: f64, b: f64, angle: f64| (a * angle.cos() - b * angle.sin()) as f32;
        assert!((heads[0] - turned(1.0, 5.0, 7.0)).abs() < 1e-5);
        assert!((heads[1] - turned(2.0, 6.0, 0.7)).abs() < 1e-5);
        assert!((heads[0].hypot(heads[4]) - 1.0_f32.hypot(5.0)).abs() < 1e-5);
    }

    #[test]
    fn elements_behind_those_that_turn_stay() {
        let angles = Rope::new(&config(RopeScaling::None), 4).angles([7]);
        let mut turned = [1.0, 2.0, 5.0, 6.0];
        angles.rotate(0, 4, &mut turned);
        let mut heads = [[1.0, 2.0, 5.0, 6.0, 3.0, 4.0], [1.0, 2.0, 5.0, 6.0, 8.0, 9.0]].concat();
        angles.rotate(0, 6, &mut heads);
        assert_eq!(heads[..4], turned);
        assert_eq!(heads[4..6], [3.0, 4.0]);
        assert_eq!(heads[6..10], turned);
        assert_eq!(heads[10..], [8.0, 9.0]);
    }

    #[test]
    fn llama3_keeps_high_frequencies_and_divides_low_ones() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_positions: 8192,
        };
        let theta = 500_000.0;
        let plain = Rope::new(&RopeConfig { theta, scaling: RopeScaling::None }, 64).inverse_frequencies;
        let scaled = Rope::new(&RopeConfig { theta, scaling }, 64).inverse_frequencies;
        assert_eq!(plain[0].to_bits(), scaled[0].to_bits());
        assert_eq!((plain[31] / 8.0).to_bits(), scaled[31].to_bits());
        let ratios: Vec<f32> = plain.iter().zip(&scaled).map(|(plain, scaled)| plain / scaled).collect();
        assert!(ratios.is_sorted() && ratios.iter().any(|ratio| *ratio > 1.01 && *ratio < 7.99));
    }

    #[test]
    fn texts_that_may_be_long_have_divisors_of_their_own() {
        let long = LongRope { short: vec![2.0; 4], long: vec![4.0; 4], original_max_positions: 32, amplitude: 1.5 };
        let scaling = RopeScaling::Long(long);
        let divided = |divisor| Rope::new(&config(RopeScaling::Divisors(vec![divisor; 4])), 8);
        for (longest, divisor) in [(32, 2.0), (33, 4.0), (usize::MAX, 4.0)] {
            let rope = Rope::for_texts(&config(scaling.clone()), 8, longest);
            assert_eq!(rope.inverse_frequencies, divided(divisor).inverse_frequencies, "{longest}");
            let (cosines, sines) = (rope.angles([7]).cosines, rope.angles([7]).sines);
            let plain = divided(divisor).angles([7]);
            assert_eq!(cosines, plain.cosines.iter().map(|cosine| cosine * 1.5).collect::<Vec<_>>());
            assert_eq!(sines, plain.sines.iter().map(|sine| sine * 1.5).collect::<Vec<_>>());
        }
    }

    #[test]
    fn factors_divide() {
        let plain = Rope::new(&config(RopeScaling::None), 8).inverse_frequencies;
        let linear = Rope::new(&config(RopeScaling::Linear { factor: 2.0 }), 8).inverse_frequencies;
        let divisors = RopeScaling::Divisors(vec![2.0; 4]);
        assert_eq!(linear, plain.iter().map(|frequency| frequency / 2.0).collect::<Vec<_>>());
        assert_eq!(linear, Rope::new(&config(divisors), 8).inverse_frequencies);
    }
}
