//! How a product is shared among threads: chunks of rows that fit a cache, runs of panels within them.

use std::ops::Range;

use super::Units;
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::ops::parts::Parts;
use crate::ops::tiled_rows::TiledRows;

/// Activations of a chunk of rows stay in the second-level cache.
const CHUNK_BYTES: usize = 400 << 10;
/// Rows from which runs of panels are short: the weights then no longer stream from memory all the time.
const SHORT_RUNS_FROM_ROWS: usize = 8;
/// Cells for each thread where runs are short, so that none waits long for a slower one.
const CELLS_FOR_EACH_THREAD: usize = 6;
/// Memory that one thread should read in one piece when few rows make reading the cost.
const RUN_BYTES: usize = 96 << 10;

/// Some rows of the output and some of its columns.
pub(super) struct Cell<'a> {
    pub(super) tiles: Range<usize>,
    pub(super) units: Range<usize>,
    pub(super) out: ColumnsMut<'a>,
}

/// Cells not handed out yet: chunk by chunk, run by run.
pub(super) struct Cells<'a> {
    x: &'a TiledRows,
    /// Units cut into runs.
    runs: Parts,
    columns_of_unit: usize,
    tiles_of_chunk: usize,
    /// Tiles of the current chunk, and the first run that is left of it.
    tiles: Range<usize>,
    next_run: usize,
    chunk: ColumnsMut<'a>,
    below: ColumnsMut<'a>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(cpu: &Cpu, units: &Units<'_>, x: &'a TiledRows, y: ColumnsMut<'a>) -> Self {
        let threads = cpu.pool().threads();
        let runs = if x.rows() < SHORT_RUNS_FROM_ROWS { units.bytes() / RUN_BYTES } else { usize::MAX };
        let runs = runs.clamp(1, CELLS_FOR_EACH_THREAD * threads).next_multiple_of(threads);
        let runs = Parts::new(units.count(), runs);
        let bytes_of_tile = x.tile_bytes().max(1);
        let (chunk, below) = y.split_rows(0);
        Self {
            x,
            next_run: runs.count(),
            runs,
            columns_of_unit: units.columns(),
            tiles_of_chunk: (CHUNK_BYTES / bytes_of_tile).max(1),
            tiles: 0..0,
            chunk,
            below,
        }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        if self.next_run == self.runs.count() {
            if self.below.rows() == 0 {
                return None;
            }
            self.tiles = self.tiles.end..(self.tiles.end + self.tiles_of_chunk).min(self.x.tiles());
            let rows = self.x.rows_of(self.tiles.start).start..self.x.rows_of(self.tiles.end - 1).end;
            self.chunk = self.below.take_rows(rows.len());
            self.next_run = 0;
        }
        let units = self.runs.of(self.next_run);
        self.next_run += 1;
        let columns = (units.len() * self.columns_of_unit).min(self.chunk.columns());
        Some(Cell { tiles: self.tiles.clone(), units, out: self.chunk.take_columns(columns) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some((self.x.tiles() - self.tiles.start).div_ceil(self.tiles_of_chunk) * self.runs.count()))
    }
}
