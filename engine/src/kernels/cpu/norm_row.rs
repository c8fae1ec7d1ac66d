//! A row through its norm, as plain numbers: where it leaves the model and goes into no matmul.

use super::elementwise::inverse_root_mean_square;
use super::fill_tile::RowNorm;
use super::simd::{Kernel, Simd};

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
    let inverse = inverse_root_mean_square(simd, row, norm.eps);
    for (value, weight) in row.iter_mut().zip(norm.weight) {
        *value = *value * inverse * weight;
    }
}
