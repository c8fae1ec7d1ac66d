//! One thread's products of panels and tiles of rows, by the kernels that the panels' format and the rows ask for.

use std::slice::from_mut;

use crate::cpu::Cpu;
use crate::kernels::cpu::amx_tile::AmxTiles;
use crate::kernels::cpu::bf16_tile::Bf16Tile;
use crate::kernels::cpu::block_format::{BLOCK, with_format};
use crate::kernels::cpu::float_tile::FloatTile;
use crate::kernels::cpu::quant_tile::QuantTile;
use crate::kernels::cpu::simd::{Element, LANES};
use crate::kernels::cpu::tile::{PanelLines, TILE_PANELS, TileLines};
use crate::kernels::tiled_rows::RowFormat;
use crate::ops::tiled_rows::{AMX_FROM_ROWS, TiledRows};
use crate::panels::Panel;

/// Calls `work` with what multiplies the tiles of `x` on this thread.
pub(super) fn with_multiplier<'a>(cpu: &'a Cpu, x: &'a TiledRows, work: impl FnOnce(&mut Multiplier<'a, '_>)) {
    let panels = [None; TILE_PANELS];
    let Some(proof) = cpu.amx().filter(|_| worth_amx(x)) else {
        return work(&mut Multiplier { cpu, x, panels, amx: None });
    };
    cpu.amx_scratch().with(|scratch| {
        work(&mut Multiplier { cpu, x, panels, amx: Some(AmxTiles::new(proof, scratch)) });
    });
}

fn worth_amx(x: &TiledRows) -> bool {
    match x.format() {
        Some(RowFormat::Quants) => x.rows() >= AMX_FROM_ROWS,
        // Always: its numbers are not those of lanes.
        Some(RowFormat::Bf16) => true,
        Some(RowFormat::Floats) | None => false,
    }
}

/// Multiplies one unit of panels after another.
pub(super) struct Multiplier<'a, 's> {
    cpu: &'a Cpu,
    x: &'a TiledRows,
    panels: [Option<Panel<'a>>; TILE_PANELS],
    amx: Option<AmxTiles<'s>>,
}

impl<'a> Multiplier<'a, '_> {
    /// Goes on with these panels.
    pub(super) fn take(&mut self, panels: [Option<Panel<'a>>; TILE_PANELS]) {
        self.panels = panels;
        if let Some(amx) = &mut self.amx {
            for (slot, panel) in panels.into_iter().enumerate() {
                if let Some(Panel::Quant(kind, panel)) = panel {
                    amx.unpack(slot, (kind, panel), self.x.k().div_ceil(BLOCK));
                }
            }
        }
    }

    /// Multiplies them with a tile of rows; says how many rows it has.
    pub(super) fn multiply(&mut self, tile: usize, out: &mut TileLines) -> usize {
        let rows = self.x.rows_of(tile).len();
        let x = (self.x.tile(tile), rows);
        match self.panels {
            [Some(Panel::F32(left)), Some(Panel::F32(right))] => self.floats(&[left, right], x, out),
            [Some(Panel::F16(left)), Some(Panel::F16(right))] => self.floats(&[left, right], x, out),
            [Some(Panel::Bf16(left)), Some(Panel::Bf16(right))] => self.floats(&[left, right], x, out),
            [Some(Panel::Bf16Pairs(left)), Some(Panel::Bf16Pairs(right))] => self.bf16(&[left, right], x, out),
            _ => {
                for (slot, out) in out.iter_mut().enumerate() {
                    if let Some(panel) = self.panels[slot] {
                        self.multiply_one(slot, panel, x, out);
                    }
                }
            }
        }
        rows
    }

    fn multiply_one(&mut self, slot: usize, panel: Panel<'_>, x: Rows<'_>, out: &mut PanelLines) {
        match panel {
            Panel::F32(panel) => self.floats(&[panel], x, from_mut(out)),
            Panel::F16(panel) => self.floats(&[panel], x, from_mut(out)),
            Panel::Bf16(panel) => self.floats(&[panel], x, from_mut(out)),
            Panel::Bf16Pairs(panel) => self.bf16(&[panel], x, from_mut(out)),
            Panel::Quant(kind, panel) => match &mut self.amx {
                Some(amx) => amx.multiply(slot, (kind, panel), x, out),
                None => with_format!(kind, F => self.cpu.isa().run(QuantTile::<F>::new(panel, x, out))),
            },
        }
    }

    fn floats<E: Element>(&self, panels: &[&[[E; LANES]]], (x, rows): Rows<'_>, out: &mut [PanelLines]) {
        self.cpu.isa().run(FloatTile { panels, x, rows, out });
    }

    fn bf16(&mut self, panels: &[&[[u16; 2 * LANES]]], (x, rows): Rows<'_>, out: &mut [PanelLines]) {
        if let Some(amx) = &mut self.amx {
            return amx.multiply_pairs(panels, (x, rows), out);
        }
        let dot = self.cpu.bf16_dot().expect("bf16 pairs are packed only for CPUs with their instruction");
        dot.run(Bf16Tile { panels, x, rows, out });
    }
}

/// A tile's words, and how many rows it has.
type Rows<'a> = (&'a [u32], usize);
