//! The norms of a row, and a row through one as plain numbers: where it goes into no matmul.

use std::ops::Range;

use super::elementwise::{inverse_root_mean_square, mean_and_inverse_deviation};
use super::simd::{Kernel, Simd};

/// A norm of rows: by their root mean square, `x / sqrt(mean(x^2) + eps) * weight`, or, with a bias, by their mean and
/// variance, `(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight + bias`.
#[derive(Clone, Copy, Debug)]
pub struct RowNorm<'a> {
    /// `[k]`
    pub weight: &'a [f32],
    /// `[k]`
    pub bias: Option<&'a [f32]>,
    /// Added to the mean of squares.
    pub eps: f32,
}

/// What a norm takes from the numbers of one row: `(x - shift) * factor` is left to be weighted.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowMoments {
    /// Zero in a norm by the root mean square.
    pub(super) shift: f32,
    pub(super) factor: f32,
}

impl RowMoments {
    /// Of no row.
    pub(super) const NONE: Self = Self { shift: 0.0, factor: 1.0 };
}

impl RowNorm<'_> {
    /// Of some of the columns.
    #[inline(always)]
    pub(super) fn part(self, columns: Range<usize>) -> Self {
        let bias = self.bias.map(|bias| &bias[columns.clone()]);
        Self { weight: &self.weight[columns], bias, eps: self.eps }
    }

    /// Sums in 16 lanes in order of the row.
    #[inline(always)]
    pub(super) fn moments<S: Simd>(&self, simd: S, row: &[f32]) -> RowMoments {
        if self.bias.is_some() {
            let (shift, factor) = mean_and_inverse_deviation(simd, row, self.eps);
            RowMoments { shift, factor }
        } else {
            RowMoments { shift: 0.0, factor: inverse_root_mean_square(simd, row, self.eps) }
        }
    }
}

/// Norms one row in place, with the bits that [`super::fill_tile::FillTile`] would take into a tile of floats.
#[derive(Debug)]
pub struct NormRow<'a> {
    /// `[k]`
    pub row: &'a mut [f32],
    /// With `[k]` weights.
    pub norm: RowNorm<'a>,
}

impl Kernel for NormRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        norm_row(simd, self.row, self.norm);
    }
}

/// Norms one row in place.
#[inline(always)]
pub(super) fn norm_row<S: Simd>(simd: S, row: &mut [f32], norm: RowNorm<'_>) {
    let RowMoments { shift, factor } = norm.moments(simd, row);
    let values = row.iter_mut().zip(norm.weight);
    match norm.bias {
        None => values.for_each(|(value, weight)| *value = *value * factor * weight),
        Some(bias) => values.zip(bias).for_each(|((value, weight), bias)| {
            *value = ((*value - shift) * factor).mul_add(*weight, *bias);
        }),
    }
}
