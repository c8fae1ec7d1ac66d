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
    /// `[k, rows]`: one input of all rows is adjacent.
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
        let x = self.x.as_chunks::<R>().0;
        if let (2, [left, right], [left_out, right_out]) = (S::TILE_PANELS, self.panels, &mut *self.out) {
            let [a, b] = tile::<S, E, R, 2>(simd, [left, right], [ahead(left), ahead(right)], x);
            store(simd, a, left_out);
            store(simd, b, right_out);
            return;
        }
        for (panel, out) in self.panels.iter().zip(self.out) {
            let [sums] = tile::<S, E, R, 1>(simd, [panel], [ahead(panel)], x);
            store(simd, sums, out);
        }
    }
}

#[inline(always)]
fn ahead<L>(panel: &[L]) -> *const L {
    panel.as_ptr().wrapping_byte_add(FETCH_AHEAD_BYTES)
}

#[inline(always)]
fn store<S: Simd, const R: usize>(simd: S, sums: [S::Vector; R], lines: &mut PanelLines) {
    for (sum, line) in sums.into_iter().zip(lines) {
        simd.store(sum, line);
    }
}

/// A number that multiplies a whole line: an f32, or the bits of one.
pub(super) trait Factor: Copy {
    fn value(self) -> f32;
}

impl Factor for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Factor for u32 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(self)
    }
}

/// R rows times P panels, accumulators in registers. Beside line i of a panel, line i of `ahead` is fetched.
#[inline(always)]
pub(super) fn tile<S: Simd, E: Element, const R: usize, const P: usize>(
    simd: S,
    panels: [&[[E; LANES]]; P],
    ahead: [*const [E; LANES]; P],
    x: &[[impl Factor; R]],
) -> [[S::Vector; R]; P] {
    let mut sums = [[simd.splat(0.0); R]; P];
    let mut panels = panels;
    for panel in &mut panels {
        *panel = &panel[..x.len()];
    }
    for (index, x) in x.iter().enumerate() {
        let mut weights = [simd.splat(0.0); P];
        for panel in 0..P {
            weights[panel] = E::load(simd, &panels[panel][index]);
            simd.prefetch(ahead[panel].wrapping_add(index));
        }
        for row in 0..R {
            let value = simd.splat(x[row].value());
            for panel in 0..P {
                sums[panel][row] = simd.fma(value, weights[panel], sums[panel][row]);
            }
        }
    }
    sums
}
