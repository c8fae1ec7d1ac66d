//! `y = x W^T + b` over panels of 16 outputs: stored, added to what is there, or gated.
//!
//! Work is cut into cells of row chunks times runs of panels; which thread computes a cell changes nothing.

use std::ops::Range;
use std::slice::from_mut;

use super::tiled_rows::TiledRows;
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::bf16_tile::Bf16Tile;
use crate::kernels::cpu::block_format::{Format, QuantType, formats};
use crate::kernels::cpu::float_tile::FloatTile;
use crate::kernels::cpu::isa::CheckedIsa;
use crate::kernels::cpu::quant_tile::QuantTile;
use crate::kernels::cpu::simd::{Element, LANES};
use crate::kernels::cpu::tile::{Epilogue, Finish, Line, NO_LINES, PanelLines, TILE_PANELS, TileLines};
use crate::panels::{Panel, PanelMatrix};

/// Activations of a chunk of rows stay in the second-level cache.
const CHUNK_BYTES: usize = 400 << 10;
/// Rows from which runs of panels are short: the weights then no longer stream from memory all the time.
const SHORT_RUNS_FROM_ROWS: usize = 8;
/// Cells for each thread where runs are short, so that none waits long for a slower one.
const CELLS_FOR_EACH_THREAD: usize = 6;
/// Memory that one thread should read in one piece when few rows make reading the cost.
const RUN_BYTES: usize = 96 << 10;

/// `y = x W^T + b`, or `y += x W^T + b`: y is `[rows, outputs]`.
pub fn linear(cpu: &Cpu, weights: &PanelMatrix, x: &TiledRows, epilogue: Epilogue, y: ColumnsMut<'_>) {
    assert_ne!(epilogue, Epilogue::Gate, "a gate takes two matrices");
    compute(cpu, &Units { left: weights, right: None }, x, epilogue, y);
}

/// `y = silu(x G^T + g) * (x U^T + u)`: y is `[rows, outputs of each]`.
pub fn gated_linear(cpu: &Cpu, gate: &PanelMatrix, up: &PanelMatrix, x: &TiledRows, y: ColumnsMut<'_>) {
    assert_eq!((gate.rows(), gate.columns()), (up.rows(), up.columns()), "a gate for each output");
    compute(cpu, &Units { left: gate, right: Some(up) }, x, Epilogue::Gate, y);
}

/// Pairs of panels that a tile multiplies at once: neighbours, or a gate and what it gates.
struct Units<'a> {
    left: &'a PanelMatrix,
    right: Option<&'a PanelMatrix>,
}

impl<'a> Units<'a> {
    fn count(&self) -> usize {
        if self.right.is_some() { self.left.num_panels() } else { self.left.num_panels().div_ceil(TILE_PANELS) }
    }

    /// Outputs of a unit that is not the last.
    fn columns(&self) -> usize {
        if self.right.is_some() { LANES } else { TILE_PANELS * LANES }
    }

    fn bytes(&self) -> usize {
        self.left.bytes() + self.right.map_or(0, PanelMatrix::bytes)
    }

    /// Panels of a unit, and what is added to their outputs.
    fn panels(&self, unit: usize) -> ([Option<Panel<'a>>; TILE_PANELS], [Option<&'a Line>; TILE_PANELS]) {
        let second = TILE_PANELS * unit + 1;
        let both = if let Some(right) = self.right {
            [Some((self.left, unit)), Some((right, unit))]
        } else {
            [Some((self.left, second - 1)), (second < self.left.num_panels()).then_some((self.left, second))]
        };
        let panels = both.map(|one| one.map(|(matrix, index)| matrix.panel(index)));
        (panels, both.map(|one| one.and_then(|(matrix, index)| matrix.bias(index))))
    }
}

fn compute(cpu: &Cpu, units: &Units<'_>, x: &TiledRows, epilogue: Epilogue, y: ColumnsMut<'_>) {
    assert_eq!(x.k(), units.left.columns(), "as many inputs as the matrix has columns");
    assert_eq!((y.rows(), y.columns()), (x.rows(), units.left.rows()), "an output for each row of both");
    let cells = Cells::new(cpu, units, x, y);
    cpu.pool().for_each(cells, |mut cell: Cell<'_>| {
        let mut lines = NO_LINES;
        for unit in cell.units.clone() {
            let mut columns = cell.out.take_columns(units.columns().min(cell.out.columns()));
            let (panels, bias) = units.panels(unit);
            for tile in cell.tiles.clone() {
                let rows = x.rows_of(tile).len();
                multiply(cpu, panels, (x.tile(tile), rows), &mut lines);
                cpu.isa().run(Finish { lines: &lines, bias, epilogue, out: columns.take_rows(rows) });
            }
        }
    });
}

/// Some rows of the output and some of its columns.
struct Cell<'a> {
    tiles: Range<usize>,
    units: Range<usize>,
    out: ColumnsMut<'a>,
}

/// Cells not handed out yet: chunk by chunk, run by run.
struct Cells<'a> {
    x: &'a TiledRows,
    units: usize,
    columns_of_unit: usize,
    units_of_run: usize,
    tiles_of_chunk: usize,
    /// Tiles of the current chunk, and the first unit that is left of it.
    tiles: Range<usize>,
    next_unit: usize,
    chunk: ColumnsMut<'a>,
    below: ColumnsMut<'a>,
}

impl<'a> Cells<'a> {
    fn new(cpu: &Cpu, units: &Units<'_>, x: &'a TiledRows, y: ColumnsMut<'a>) -> Self {
        let threads = cpu.pool().threads();
        let runs = if x.rows() < SHORT_RUNS_FROM_ROWS { units.bytes() / RUN_BYTES } else { usize::MAX };
        let runs = runs.clamp(1, CELLS_FOR_EACH_THREAD * threads).next_multiple_of(threads);
        let bytes_of_tile = x.tile_bytes().max(1);
        let (chunk, below) = y.split_rows(0);
        Self {
            x,
            units: units.count(),
            columns_of_unit: units.columns(),
            units_of_run: units.count().div_ceil(runs).max(1),
            tiles_of_chunk: (CHUNK_BYTES / bytes_of_tile).max(1),
            tiles: 0..0,
            next_unit: units.count(),
            chunk,
            below,
        }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        if self.next_unit == self.units {
            if self.below.rows() == 0 {
                return None;
            }
            self.tiles = self.tiles.end..(self.tiles.end + self.tiles_of_chunk).min(self.x.tiles());
            let rows = self.x.rows_of(self.tiles.start).start..self.x.rows_of(self.tiles.end - 1).end;
            self.chunk = self.below.take_rows(rows.len());
            self.next_unit = 0;
        }
        let units = self.next_unit..(self.next_unit + self.units_of_run).min(self.units);
        self.next_unit = units.end;
        let columns = (units.len() * self.columns_of_unit).min(self.chunk.columns());
        Some(Cell { tiles: self.tiles.clone(), units, out: self.chunk.take_columns(columns) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let runs = self.units.div_ceil(self.units_of_run);
        (0, Some((self.x.tiles() - self.tiles.start).div_ceil(self.tiles_of_chunk) * runs))
    }
}

/// A tile of rows, `[k, rows]` words, and how many.
type Rows<'a> = (&'a [u32], usize);

fn multiply(cpu: &Cpu, panels: [Option<Panel<'_>>; TILE_PANELS], rows: Rows<'_>, out: &mut TileLines) {
    let isa = cpu.isa();
    match panels {
        [Some(Panel::F32(left)), Some(Panel::F32(right))] => floats(isa, &[left, right], rows, out),
        [Some(Panel::F16(left)), Some(Panel::F16(right))] => floats(isa, &[left, right], rows, out),
        [Some(Panel::Bf16(left)), Some(Panel::Bf16(right))] => floats(isa, &[left, right], rows, out),
        [Some(Panel::Bf16Pairs(left)), Some(Panel::Bf16Pairs(right))] => bf16(cpu, &[left, right], rows, out),
        _ => {
            for (panel, out) in panels.into_iter().flatten().zip(out) {
                multiply_one(cpu, panel, rows, out);
            }
        }
    }
}

fn multiply_one(cpu: &Cpu, panel: Panel<'_>, rows: Rows<'_>, out: &mut PanelLines) {
    match panel {
        Panel::F32(panel) => floats(cpu.isa(), &[panel], rows, from_mut(out)),
        Panel::F16(panel) => floats(cpu.isa(), &[panel], rows, from_mut(out)),
        Panel::Bf16(panel) => floats(cpu.isa(), &[panel], rows, from_mut(out)),
        Panel::Bf16Pairs(panel) => bf16(cpu, &[panel], rows, from_mut(out)),
        Panel::Quant(kind, panel) => quants(cpu.isa(), (kind, panel), rows, out),
    }
}

fn floats<E: Element>(isa: CheckedIsa, panels: &[&[[E; LANES]]], (x, rows): Rows<'_>, out: &mut [PanelLines]) {
    isa.run(FloatTile { panels, x, rows, out });
}

fn bf16(cpu: &Cpu, panels: &[&[[u16; 2 * LANES]]], (x, rows): Rows<'_>, out: &mut [PanelLines]) {
    let dot = cpu.bf16_dot().expect("bf16 pairs are packed only for CPUs with their instruction");
    dot.run(Bf16Tile { panels, x, rows, out });
}

fn quants(isa: CheckedIsa, (kind, panel): (QuantType, &[u8]), rows: Rows<'_>, out: &mut PanelLines) {
    match kind {
        QuantType::Q4_0 => quants_of::<formats::Q4_0>(isa, panel, rows, out),
        QuantType::Q4_1 => quants_of::<formats::Q4_1>(isa, panel, rows, out),
        QuantType::Q5_0 => quants_of::<formats::Q5_0>(isa, panel, rows, out),
        QuantType::Q5_1 => quants_of::<formats::Q5_1>(isa, panel, rows, out),
        QuantType::Q8_0 => quants_of::<formats::Q8_0>(isa, panel, rows, out),
        QuantType::Q2_K => quants_of::<formats::Q2_K>(isa, panel, rows, out),
        QuantType::Q3_K => quants_of::<formats::Q3_K>(isa, panel, rows, out),
        QuantType::Q4_K => quants_of::<formats::Q4_K>(isa, panel, rows, out),
        QuantType::Q5_K => quants_of::<formats::Q5_K>(isa, panel, rows, out),
        QuantType::Q6_K => quants_of::<formats::Q6_K>(isa, panel, rows, out),
    }
}

fn quants_of<F: Format>(isa: CheckedIsa, panel: &[u8], (x, rows): Rows<'_>, out: &mut PanelLines) {
    isa.run(QuantTile::<F>::new(panel, x, rows, out));
}
