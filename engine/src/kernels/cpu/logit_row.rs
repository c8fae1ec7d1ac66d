//! Passes over a row of logits, for whoever draws from it: greatest values, and weights `e^((logit - highest) / T)`.
//!
//! A row is cut into chunks. Their greatest values tell which chunks can be left aside; their sums of weights, which
//! chunk a draw falls into. Sums run in 16 lanes of `f64` and end in one fixed tree.

use super::elementwise::{exp, filled, map_in_place};
use super::simd::{Kernel, LANES, Simd};

/// Logits of a chunk.
pub const CHUNK: usize = 4 * LANES;

/// Writes down the greatest value of each chunk; whether all values are finite.
#[derive(Debug)]
pub struct ScanRow<'a> {
    /// `[vocab]`
    pub values: &'a [f32],
    /// `[chunks]`, filled anew.
    pub maxima: &'a mut Vec<f32>,
}

impl Kernel for ScanRow<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let zero = simd.splat(0.0);
        let mut finite = zero;
        self.maxima.clear();
        for chunk in self.values.chunks(CHUNK) {
            let (lines, rest) = chunk.as_chunks::<LANES>();
            let mut greatest = simd.splat(f32::NEG_INFINITY);
            for line in lines {
                let values = simd.load(line);
                greatest = simd.max(values, greatest);
                finite = simd.fma(values, zero, finite);
            }
            if !rest.is_empty() {
                greatest = simd.max(simd.load(&filled(rest, f32::NEG_INFINITY)), greatest);
                finite = simd.fma(simd.load(&filled(rest, 0.0)), zero, finite);
            }
            self.maxima.push(simd.greatest(greatest));
        }
        simd.sum(finite) == 0.0
    }
}

/// What weights are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The logit whose weight is 1.
    pub highest: f32,
    /// Above 0.
    pub temperature: f32,
}

impl Scale {
    #[inline(always)]
    fn weights<S: Simd>(self, simd: S, logits: S::Vector) -> S::Vector {
        let differences = simd.sub(logits, simd.splat(self.highest));
        exp(simd, simd.div(differences, simd.splat(self.temperature)))
    }
}

/// Turns logits into weights.
#[derive(Debug)]
pub struct Weigh<'a> {
    /// Logits in, weights out.
    pub values: &'a mut [f32],
    /// What they are relative to.
    pub scale: Scale,
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        map_in_place(simd, self.values, f32::NEG_INFINITY, |logits| self.scale.weights(simd, logits));
    }
}

/// Writes down the sum of weights of each chunk.
#[derive(Debug)]
pub struct SumWeights<'a> {
    /// `[vocab]`
    pub values: &'a [f32],
    /// What they are relative to.
    pub scale: Scale,
    /// `[chunks]`, filled anew.
    pub sums: &'a mut Vec<f64>,
}

impl Kernel for SumWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.sums.clear();
        for chunk in self.values.chunks(CHUNK) {
            let (lines, rest) = chunk.as_chunks::<LANES>();
            let mut sums = [0.0; LANES];
            for line in lines {
                add(simd, &mut sums, self.scale.weights(simd, simd.load(line)));
            }
            if !rest.is_empty() {
                let line = filled(rest, f32::NEG_INFINITY);
                add(simd, &mut sums, self.scale.weights(simd, simd.load(&line)));
            }
            self.sums.push(tree_sum(sums));
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, sums: &mut [f64; LANES], weights: S::Vector) {
    let mut line = [0.0; LANES];
    simd.store(weights, &mut line);
    for lane in 0..LANES {
        sums[lane] += f64::from(line[lane]);
    }
}

/// Lane i + lane i + 8, then + 4, + 2, + 1.
#[inline(always)]
fn tree_sum(mut sums: [f64; LANES]) -> f64 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::isa::Isa;

    fn row(len: usize) -> Vec<f32> {
        (0..len).map(|index| ((index * 7919 % 1013) as f32 * 0.37).sin() * 12.0).collect()
    }

    fn lengths() -> impl Iterator<Item = usize> {
        (1..3 * LANES).chain([CHUNK - 1, CHUNK, CHUNK + 1, 1000, 1024])
    }

    fn isas() -> impl Iterator<Item = crate::kernels::cpu::isa::CheckedIsa> {
        Isa::ALL.into_iter().filter_map(Isa::checked)
    }

    #[test]
    fn maxima_are_those_of_the_chunks() {
        for isa in isas() {
            for values in lengths().map(row) {
                let (values, mut maxima) = (values.as_slice(), vec![9.0]);
                assert!(isa.run(ScanRow { values, maxima: &mut maxima }));
                let plain = values.chunks(CHUNK).map(|chunk| chunk.iter().copied().fold(f32::MIN, f32::max));
                assert!(maxima.iter().copied().eq(plain));
            }
        }
    }

    #[test]
    fn a_value_that_is_no_number_is_seen_wherever_it_stands() {
        for isa in isas() {
            for len in lengths() {
                for (place, bad) in [(0, f32::NAN), (len / 2, f32::INFINITY), (len - 1, f32::NEG_INFINITY)] {
                    let mut values = row(len);
                    values[place] = bad;
                    assert!(
                        !isa.run(ScanRow { values: &values, maxima: &mut Vec::new() }),
                        "{bad} at {place} of {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn weights_and_their_sums_are_exponentials_in_the_same_bits_everywhere() {
        for values in lengths().map(row) {
            let scale = Scale { highest: values.iter().copied().fold(f32::MIN, f32::max), temperature: 0.7 };
            let weighed = |isa: crate::kernels::cpu::isa::CheckedIsa| {
                let (mut weights, mut sums) = (values.clone(), Vec::new());
                isa.run(Weigh { values: &mut weights, scale });
                isa.run(SumWeights { values: &values, scale, sums: &mut sums });
                (weights, sums)
            };
            let plain = weighed(Isa::Scalar.checked().unwrap());
            for (value, weight) in values.iter().zip(&plain.0) {
                let exact = f64::from((value - scale.highest) / scale.temperature).exp();
                assert!((f64::from(*weight) - exact).abs() <= 3e-7 * exact, "{weight} {exact}");
            }
            for (weights, sum) in plain.0.chunks(CHUNK).zip(&plain.1) {
                let exact: f64 = weights.iter().copied().map(f64::from).sum();
                assert!((sum - exact).abs() <= 1e-13 * exact, "{sum} {exact}");
            }
            assert!(isas().all(|isa| weighed(isa) == plain));
        }
    }
}
