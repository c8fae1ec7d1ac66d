//! Tiles of plain float weights: F32, F16, BF16, times f32 activations.
//!
//! Order of additions: each output is one chain `acc = fma(x[i], w[i], acc)` over i in order. Columns lie across lanes,
//! rows across registers, and k is never split, so neither the number of rows nor the tile nor the thread can enter.

use super::simd::{Element, FETCH_AHEAD_BYTES, Kernel, LANES, Simd};
use super::tile::{PanelLines, with_height};

/// Largest tile of plain floats of the instruction set that runs it.
#[derive(Clone, Copy, Debug)]
pub struct FloatTileRows;

impl Kernel for FloatTileRows {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> usize {
        S::TILE_ROWS
    }
}

/// Some rows times one or two panels.
#[derive(Debug)]
pub struct FloatTile<'a, E> {
    /// Panels, `[k]` lines each.
    pub panels: &'a [&'a [[E; LANES]]],
    /// Words of so many rows as [`RowFormat::Floats`](crate::kernels::tiled_rows::RowFormat::Floats) lays them out.
    pub x: &'a [u32],
    /// Rows of the tile.
    pub rows: usize,
    /// The results, for each panel.
    pub out: &'a mut [PanelLines],
}

impl<E: Element> Kernel for FloatTile<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_height!(self.rows, S::TILE_ROWS, R => self.rows_known::<S, R>(simd));
    }
}

impl<E: Element> FloatTile<'_, E> {
    #[inline(always)]
    fn rows_known<S: Simd, const R: usize>(self, simd: S) {
        let x = self.x.as_chunks().0.as_chunks::<R>().0;
        if let (2, [left, right], [left_out, right_out]) = (S::TILE_PANELS, self.panels, &mut *self.out) {
            let [a, b] = tile::<S, E, R, 2>(simd, [left, right], ahead_of([left, right]), x);
            store(simd, a, left_out);
            store(simd, b, right_out);
            return;
        }
        for (panel, out) in self.panels.iter().zip(self.out) {
            let [sums] = tile::<S, E, R, 1>(simd, [panel], ahead_of([panel]), x);
            store(simd, sums, out);
        }
    }
}

#[inline(always)]
fn store<S: Simd, const R: usize>(simd: S, sums: [S::Vector; R], lines: &mut PanelLines) {
    for (sum, line) in sums.into_iter().zip(lines) {
        simd.store(sum, line);
    }
}

/// R rows times P panels, accumulators in registers. Beside line i of a panel, line i of `ahead` is fetched.
#[inline(always)]
pub(super) fn tile<S: Simd, E: Element, const R: usize, const P: usize>(
    simd: S,
    panels: [&[[E; LANES]]; P],
    ahead: [*const [E; LANES]; P],
    x: &[[[u32; LANES]; R]],
) -> [[S::Vector; R]; P] {
    let mut sums = [[simd.splat(0.0); R]; P];
    for (block, x) in x.iter().enumerate() {
        let (mut lines, mut ahead) = ([[].as_slice(); P], ahead);
        for panel in 0..P {
            lines[panel] = &panels[panel][block * LANES..];
            ahead[panel] = ahead[panel].wrapping_add(block * LANES);
        }
        for lane in 0..LANES.min(lines[0].len()) {
            add_input(simd, (lines, ahead, lane), |row| f32::from_bits(x[row][lane]), &mut sums);
        }
    }
    sums
}

/// The lines that lie a fixed distance behind those of each panel.
#[inline(always)]
fn ahead_of<E, const P: usize>(panels: [&[[E; LANES]]; P]) -> [*const [E; LANES]; P] {
    let mut ahead = [std::ptr::null(); P];
    for (ahead, panel) in ahead.iter_mut().zip(panels) {
        *ahead = panel.as_ptr().wrapping_byte_add(FETCH_AHEAD_BYTES);
    }
    ahead
}

/// Panels, what is fetched beside them, and which line.
type Lines<'a, E, const P: usize> = ([&'a [[E; LANES]]; P], [*const [E; LANES]; P], usize);

/// Adds the products of one input of all rows and its line of each panel.
#[inline(always)]
fn add_input<S: Simd, E: Element, const R: usize, const P: usize>(
    simd: S,
    (panels, ahead, index): Lines<'_, E, P>,
    x: impl Fn(usize) -> f32,
    sums: &mut [[S::Vector; R]; P],
) {
    let mut weights = [simd.splat(0.0); P];
    for panel in 0..P {
        weights[panel] = E::load(simd, &panels[panel][index]);
        simd.prefetch(ahead[panel].wrapping_add(index));
    }
    for row in 0..R {
        let value = simd.splat(x(row));
        for panel in 0..P {
            sums[panel][row] = simd.fma(value, weights[panel], sums[panel][row]);
        }
    }
}
