//! What every matmul tile has in common: a few rows of activations times one or two panels of 16 columns.
//!
//! Results go to [`TileLines`], from where [`Finish`] stores, adds, activates or gates them. A tile's height is known when it is
//! compiled, so that its accumulators are registers.

use super::activation::Activation;
use super::simd::{Kernel, LANES, Simd};
use crate::kernels::columns_mut::ColumnsMut;

/// Sixteen columns of one row, sixteen positions of one head element.
pub type Line = [f32; LANES];

/// Highest tile of any instruction set.
pub const MAX_TILE_ROWS: usize = 16;
/// Panels of a tile.
pub const TILE_PANELS: usize = 2;

/// Results of one panel: a line for each row.
pub type PanelLines = [Line; MAX_TILE_ROWS];
/// Results of a tile.
pub type TileLines = [PanelLines; TILE_PANELS];

/// Results of one panel before the first tile.
pub const NO_PANEL_LINES: PanelLines = [[0.0; LANES]; MAX_TILE_ROWS];
/// Results before the first tile.
pub const NO_LINES: TileLines = [NO_PANEL_LINES; TILE_PANELS];

/// Calls `$call` with the constant that `$rows` is, from 1 to the instruction set's largest height, or one of a list.
macro_rules! with_height {
    ($rows:expr, $largest:expr, $height:ident => $call:expr) => {
        with_height!($rows, $largest, [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16], $height => $call)
    };
    ($rows:expr, $largest:expr, [$($number:literal)*], $height:ident => $call:expr) => {
        match $rows {
            $($number if $largest >= $number => {
                const $height: usize = $number;
                $call
            })*
            rows => assert_eq!(rows, 0, "a tile has one of the heights it is compiled for"),
        }
    };
}
pub(super) use with_height;

/// What becomes of a tile's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epilogue {
    /// They are the output.
    Store,
    /// They are added to the output.
    Add,
    /// The output is their activation.
    Activate(Activation),
    /// The output is the activation of the first panel times the second panel.
    Gate(Activation),
}

/// Moves a tile's results to the output.
#[derive(Debug)]
pub struct Finish<'a> {
    /// The results.
    pub lines: &'a TileLines,
    /// Added to them, for each panel.
    pub bias: [Option<&'a Line>; TILE_PANELS],
    /// How they reach the output.
    pub epilogue: Epilogue,
    /// `[rows, columns]`: 32 columns, or 16 where panels are gated; fewer at the matrix's end.
    pub out: ColumnsMut<'a>,
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for row in 0..self.out.rows() {
            let mut results = [simd.splat(0.0); TILE_PANELS];
            for panel in 0..TILE_PANELS {
                results[panel] = simd.load(&self.lines[panel][row]);
                if let Some(bias) = self.bias[panel] {
                    results[panel] = simd.add(results[panel], simd.load(bias));
                }
            }
            for neighbour in self.out.neighbours(row) {
                for column in (0..self.out.columns()).step_by(LANES) {
                    simd.prefetch_to_write(neighbour.wrapping_add(column));
                }
            }
            let out = self.out.row_mut(row);
            match self.epilogue {
                Epilogue::Gate(activation) => {
                    write(simd, activation.gate(simd, results[0], results[1]), false, out);
                    continue;
                }
                Epilogue::Activate(activation) => {
                    for result in &mut results {
                        *result = activation.of(simd, *result);
                    }
                }
                Epilogue::Store | Epilogue::Add => {}
            }
            let (left, right) = out.split_at_mut(LANES.min(out.len()));
            write(simd, results[0], self.epilogue == Epilogue::Add, left);
            write(simd, results[1], self.epilogue == Epilogue::Add, right);
        }
    }
}

/// Writes or adds as many lanes as `out` takes, at most sixteen.
#[inline(always)]
pub(super) fn write<S: Simd>(simd: S, vector: S::Vector, adds: bool, out: &mut [f32]) {
    if let Ok(line) = <&mut Line>::try_from(&mut *out) {
        let sum = if adds { simd.add(simd.load(line), vector) } else { vector };
        return simd.store(sum, line);
    }
    let mut line = [0.0; LANES];
    simd.store(vector, &mut line);
    for (value, lane) in out.iter_mut().zip(line) {
        *value = if adds { *value + lane } else { lane };
    }
}
