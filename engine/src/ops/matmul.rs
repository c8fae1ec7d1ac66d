//! Linear layers: weights held in panels of 16 output columns, and `y = x W^T`.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::RowsLeft;
use crate::cpu::Cpu;
use crate::kernels::aligned::Aligned;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::matmul::{Line, PanelRun, TileRows, interleave, tile_ranges};
use crate::kernels::cpu::simd::LANES;

/// Activations of a chunk of rows stay in the second-level cache.
const CHUNK_BYTES: usize = 400 << 10;
/// Rows from which panels are handed out in small runs: the weights then no longer stream from memory all the time.
const SMALL_RUNS_FROM_ROWS: usize = 8;
/// Panels of a small run.
const SMALL_RUN: usize = 16;

/// Writes the rows of a range, `[rows, columns]`, to the slice.
pub type ReadRows<'a, E> = dyn Fn(Range<usize>, &mut [f32]) -> Result<(), E> + Sync + 'a;

/// Some rows of a matrix that is about to be packed.
pub struct RowSource<'a, E> {
    /// How many rows.
    pub rows: usize,
    /// Reads them; the first row of this source is row 0.
    pub read: &'a ReadRows<'a, E>,
}

impl<E> std::fmt::Debug for RowSource<'_, E> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RowSource({} rows)", self.rows)
    }
}

/// A weight matrix `[rows, columns]`: an output for each row, an input for each column.
#[derive(Debug)]
pub struct PanelMatrix {
    rows: usize,
    columns: usize,
    panels: Panels,
}

/// The formats weights are held in.
#[derive(Debug)]
enum Panels {
    /// `[panel][column of the matrix][16 rows of the matrix]`, the last panel filled up with zeros.
    F32(Aligned),
}

impl PanelMatrix {
    /// Packs the rows of all sources, one after another, into one matrix. Several threads read at once.
    pub fn pack<E: Send>(cpu: &Cpu, columns: usize, sources: &[RowSource<'_, E>]) -> Result<Self, E> {
        let rows = sources.iter().map(|source| source.rows).sum::<usize>();
        assert!(columns > 0, "a matrix has columns");
        let mut panels = Aligned::zeroed(rows.next_multiple_of(LANES) * columns);
        let failure = Mutex::new(None);
        let places = panels.chunks_exact_mut(LANES * columns).enumerate().collect();
        cpu.pool().for_each(places, |(panel, place)| {
            let rows = panel * LANES..rows.min((panel + 1) * LANES);
            if let Err(error) = pack_panel(sources, columns, rows, place) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(Self { rows, columns, panels: Panels::F32(panels) }),
        }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let Panels::F32(panels) = &self.panels;
        panels.bytes()
    }

    /// Reads one row back.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let Panels::F32(panels) = &self.panels;
        let panel = &panels[row / LANES * LANES * self.columns..];
        for (value, line) in out.iter_mut().zip(panel.as_chunks::<LANES>().0) {
            *value = line[row % LANES];
        }
    }
}

/// Reads up to 16 rows, from one source or more, and lays them side by side.
fn pack_panel<E>(sources: &[RowSource<'_, E>], columns: usize, rows: Range<usize>, panel: &mut [f32]) -> Result<(), E> {
    let mut plain = vec![0.0; rows.len() * columns];
    let mut first = 0;
    for source in sources {
        let own = rows.start.max(first)..rows.end.min(first + source.rows);
        if !own.is_empty() {
            let place = &mut plain[(own.start - rows.start) * columns..(own.end - rows.start) * columns];
            (source.read)(own.start - first..own.end - first, place)?;
        }
        first += source.rows;
    }
    for (row, values) in plain.chunks_exact(columns).enumerate() {
        for (line, value) in panel.as_chunks_mut::<LANES>().0.iter_mut().zip(values) {
            line[row] = *value;
        }
    }
    Ok(())
}

/// `y = x W^T`: x `[rows, inputs]`, y `[rows, outputs]`.
pub fn linear(cpu: &Cpu, weights: &PanelMatrix, x: &[f32], y: &mut [f32]) {
    let (inputs, outputs) = (weights.columns, weights.rows);
    let rows = x.len() / inputs;
    assert_eq!(x.len(), rows * inputs, "whole rows of {inputs} inputs");
    assert_eq!(y.len(), rows * outputs, "{rows} rows of {outputs} outputs");
    if rows == 0 || outputs == 0 {
        return;
    }
    let Panels::F32(panels) = &weights.panels;
    let chunks = row_chunks(rows, inputs, cpu.isa().run(TileRows));
    let mut scratch = cpu.scratch();
    let x = if rows == 1 { x } else { interleaved(cpu, x, inputs, (&chunks, &mut scratch)) };
    let runs = panel_runs(cpu, (panels.as_chunks().0, inputs), (x, &chunks), ColumnsMut::new(y, outputs));
    cpu.pool().for_each(runs, |run| cpu.isa().run(run));
}

/// Rows whose inputs stay in cache together, and the tile height within.
struct RowChunks {
    chunks: Vec<Range<usize>>,
    largest_tile: usize,
}

fn row_chunks(rows: usize, inputs: usize, largest_tile: usize) -> RowChunks {
    let most = (CHUNK_BYTES / (inputs * size_of::<f32>()) / largest_tile).max(1) * largest_tile;
    RowChunks { chunks: (0..rows).step_by(most).map(|first| first..rows.min(first + most)).collect(), largest_tile }
}

/// Copies `x` to the scratch, interleaved tile by tile.
fn interleaved<'s>(cpu: &Cpu, x: &[f32], inputs: usize, (chunks, scratch): (&RowChunks, &'s mut Aligned)) -> &'s [f32] {
    scratch.reserve(x.len());
    let mut places = RowsLeft { rest: &mut scratch[..x.len()], width: inputs };
    let mut tiles = Vec::new();
    for chunk in &chunks.chunks {
        for tile in tile_ranges(chunk.len(), chunks.largest_tile) {
            let rows = &x[(chunk.start + tile.start) * inputs..(chunk.start + tile.end) * inputs];
            tiles.push((rows, places.take(tile.len())));
        }
    }
    cpu.pool().for_each(tiles, |(rows, tile)| interleave(rows, inputs, tile));
    &scratch[..x.len()]
}

/// Row chunks times runs of panels. Few rows: one run for each thread, because memory likes long reads. More rows: small
/// runs, so that no thread waits for a slower one.
fn panel_runs<'a>(
    cpu: &Cpu,
    (lines, inputs): (&'a [Line], usize),
    (x, chunks): (&'a [f32], &RowChunks),
    mut y: ColumnsMut<'a>,
) -> Vec<PanelRun<'a>> {
    let panels = lines.len() / inputs;
    let even = panels.div_ceil(cpu.pool().threads());
    let run = if y.rows() < SMALL_RUNS_FROM_ROWS { even } else { even.min(SMALL_RUN) };
    let mut runs = Vec::new();
    for chunk in &chunks.chunks {
        let mut of_chunk = y.take_rows(chunk.len());
        for panels in lines.chunks(run.next_multiple_of(2) * inputs) {
            let columns = (panels.len() / inputs * LANES).min(of_chunk.columns());
            let x = &x[chunk.start * inputs..chunk.end * inputs];
            runs.push(PanelRun { panels, k: inputs, x, y: of_chunk.take_columns(columns) });
        }
    }
    runs
}
