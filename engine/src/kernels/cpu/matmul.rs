//! `y = x W^T` over panels of 16 output columns.
//!
//! Order of additions: each output is one chain `acc = fma(x[i], w[i], acc)` over i in order. Columns lie across lanes,
//! rows across registers, and k is never split, so neither the number of rows nor the tile nor the thread can enter.

use std::ops::Range;

use super::simd::{Kernel, LANES, Simd};
use crate::kernels::columns_mut::ColumnsMut;

/// How far ahead of the multiplications weights are fetched: 2 KiB.
const PREFETCH_VECTORS: usize = 32;

/// Sixteen columns of one input index, or sixteen positions of one head element.
pub type Line = [f32; LANES];

/// Rows of one tile, given the largest tile: `rows` cut into equal parts, as few as possible.
pub fn tile_ranges(rows: usize, largest: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.div_ceil(largest);
    (0..tiles).map(move |tile| tile * rows / tiles..(tile + 1) * rows / tiles)
}

/// Largest tile of the instruction set that runs it.
#[derive(Clone, Copy, Debug)]
pub struct TileRows;

impl Kernel for TileRows {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> usize {
        S::TILE_ROWS
    }
}

/// Interleaves a tile: `rows` [r, k] becomes `[k, r]`, so that one input index of all rows is adjacent.
pub fn interleave(rows: &[f32], k: usize, tile: &mut [f32]) {
    let height = rows.len() / k;
    for (row, values) in rows.chunks_exact(k).enumerate() {
        for (place, value) in tile[row..].iter_mut().step_by(height).zip(values) {
            *place = *value;
        }
    }
}

/// A run of panels times some rows.
#[derive(Debug)]
pub struct PanelRun<'a> {
    /// Panels one after another, each `[k]` lines.
    pub panels: &'a [Line],
    /// Inputs of a row.
    pub k: usize,
    /// The rows, interleaved tile by tile as [`tile_ranges`] cuts them.
    pub x: &'a [f32],
    /// Their outputs, `[rows, columns]`: the panels' columns, without the padding of the last one.
    pub y: ColumnsMut<'a>,
}

impl Kernel for PanelRun<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for group in self.panels.chunks(S::TILE_PANELS * self.k) {
            let columns = self.y.take_columns((group.len() / self.k * LANES).min(self.y.columns()));
            if S::TILE_PANELS == 2 && group.len() == 2 * self.k {
                let (left, right) = group.split_at(self.k);
                panels_times_tiles(simd, [left, right], self.x, columns);
            } else {
                panels_times_tiles(simd, [group], self.x, columns);
            }
        }
    }
}

#[inline(always)]
fn panels_times_tiles<S: Simd, const P: usize>(simd: S, panels: [&[Line]; P], x: &[f32], mut y: ColumnsMut<'_>) {
    let k = panels[0].len();
    for rows in tile_ranges(y.rows(), S::TILE_ROWS) {
        let out = y.take_rows(rows.len());
        tile_of_any_height(simd, panels, &x[rows.start * k..rows.end * k], out);
    }
}

/// Picks the tile compiled for this number of rows.
#[inline(always)]
fn tile_of_any_height<S: Simd, const P: usize>(simd: S, panels: [&[Line]; P], x: &[f32], out: ColumnsMut<'_>) {
    match out.rows() {
        1 => store_tile::<S, 1, P>(simd, panels, x, out),
        2 => store_tile::<S, 2, P>(simd, panels, x, out),
        3 => store_tile::<S, 3, P>(simd, panels, x, out),
        4 => store_tile::<S, 4, P>(simd, panels, x, out),
        5 if S::TILE_ROWS >= 5 => store_tile::<S, 5, P>(simd, panels, x, out),
        6 if S::TILE_ROWS >= 6 => store_tile::<S, 6, P>(simd, panels, x, out),
        7 if S::TILE_ROWS >= 7 => store_tile::<S, 7, P>(simd, panels, x, out),
        8 if S::TILE_ROWS >= 8 => store_tile::<S, 8, P>(simd, panels, x, out),
        9 if S::TILE_ROWS >= 9 => store_tile::<S, 9, P>(simd, panels, x, out),
        10 if S::TILE_ROWS >= 10 => store_tile::<S, 10, P>(simd, panels, x, out),
        11 if S::TILE_ROWS >= 11 => store_tile::<S, 11, P>(simd, panels, x, out),
        12 if S::TILE_ROWS >= 12 => store_tile::<S, 12, P>(simd, panels, x, out),
        rows => assert_eq!(rows, 0, "tiles are no higher than the instruction set's"),
    }
}

#[inline(always)]
fn store_tile<S: Simd, const R: usize, const P: usize>(simd: S, panels: [&[Line]; P], x: &[f32], out: ColumnsMut<'_>) {
    let ahead = panels.map(|panel| panel.as_ptr().wrapping_add(PREFETCH_VECTORS));
    let sums = tile::<S, R, P>(simd, panels, ahead, x.as_chunks::<R>().0);
    let mut out = out;
    for (row, sums) in sums.into_iter().enumerate() {
        store_columns(simd, sums, out.row_mut(row));
    }
}

/// Writes vectors side by side, the last one as far as the row goes.
#[inline(always)]
pub(super) fn store_columns<S: Simd, const P: usize>(simd: S, vectors: [S::Vector; P], row: &mut [f32]) {
    let (whole, rest) = row.as_chunks_mut::<LANES>();
    for (vector, to) in vectors.iter().zip(whole.iter_mut()) {
        simd.store(*vector, to);
    }
    if whole.len() < P && !rest.is_empty() {
        let mut lanes = [0.0; LANES];
        simd.store(vectors[whole.len()], &mut lanes);
        rest.copy_from_slice(&lanes[..rest.len()]);
    }
}

/// The tile: R rows times P panels, accumulators in registers. Beside line i of a panel, line i of `ahead` is fetched.
#[inline(always)]
pub(super) fn tile<S: Simd, const R: usize, const P: usize>(
    simd: S,
    panels: [&[Line]; P],
    ahead: [*const Line; P],
    x: &[[f32; R]],
) -> [[S::Vector; P]; R] {
    let mut sums = [[simd.splat(0.0); P]; R];
    let panels = panels.map(|panel| &panel[..x.len()]);
    for (index, x) in x.iter().enumerate() {
        let mut weights = [simd.splat(0.0); P];
        for panel in 0..P {
            weights[panel] = simd.load(&panels[panel][index]);
            simd.prefetch(ahead[panel].wrapping_add(index).cast());
        }
        for row in 0..R {
            let value = simd.splat(x[row]);
            for panel in 0..P {
                sums[row][panel] = simd.fma(value, weights[panel], sums[row][panel]);
            }
        }
    }
    sums
}
