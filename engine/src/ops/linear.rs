//! `y = x W^T + b` over panels of 16 outputs: stored, added to what is there, activated or gated.
//!
//! Work is cut into cells of row chunks times runs of panels; which thread computes a cell changes nothing.

mod cells;
mod multiplier;

use super::tiled_rows::TiledRows;
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::activation::Activation;
use crate::kernels::cpu::simd::LANES;
use crate::kernels::cpu::tile::{Epilogue, Finish, Line, NO_LINES, TILE_PANELS};
use crate::panels::{Panel, PanelMatrix};
use cells::{Cell, Cells};
use multiplier::{Multiplier, with_multiplier};

/// `y = x W^T + b`, its activation, or `y += x W^T + b`: y is `[rows, outputs]`.
pub fn linear(cpu: &Cpu, weights: &PanelMatrix, x: &TiledRows, epilogue: Epilogue, y: ColumnsMut<'_>) {
    assert!(!matches!(epilogue, Epilogue::Gate(_)), "a gate takes two matrices");
    compute(cpu, &Units { left: weights, right: None }, x, epilogue, y);
}

/// A matrix, the one that gates it, and how.
#[derive(Clone, Copy, Debug)]
pub struct Gated<'a> {
    /// As many rows and columns as `up`.
    pub gate: &'a PanelMatrix,
    /// What is gated.
    pub up: &'a PanelMatrix,
    /// Of the gate.
    pub activation: Activation,
}

/// `y = activation(x G^T + g) * (x U^T + u)`: y is `[rows, outputs of each]`.
pub fn gated_linear(cpu: &Cpu, weights: Gated<'_>, x: &TiledRows, y: ColumnsMut<'_>) {
    let Gated { gate, up, activation } = weights;
    assert_eq!((gate.rows(), gate.columns()), (up.rows(), up.columns()), "a gate for each output");
    compute(cpu, &Units { left: gate, right: Some(up) }, x, Epilogue::Gate(activation), y);
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
    cpu.pool().for_each(cells, |cell: Cell<'_>| {
        with_multiplier(cpu, x, |multiplier| compute_cell(cpu, units, multiplier, epilogue, cell));
    });
}

fn compute_cell<'a>(
    cpu: &Cpu,
    units: &'a Units<'_>,
    multiplier: &mut Multiplier<'a, '_>,
    epilogue: Epilogue,
    mut cell: Cell<'_>,
) {
    let mut lines = NO_LINES;
    for unit in cell.units.clone() {
        let mut columns = cell.out.take_columns(units.columns().min(cell.out.columns()));
        let (panels, bias) = units.panels(unit);
        multiplier.take(panels);
        for tile in cell.tiles.clone() {
            let rows = multiplier.multiply(tile, &mut lines);
            cpu.isa().run(Finish { lines: &lines, bias, epilogue, out: columns.take_rows(rows) });
        }
    }
}
