//! Weight matrices as the matmul kernels stream through them: panels of 16 rows of the matrix, held once, in the
//! type they were stored in or the one that was asked for.

mod format;
mod quant_panel;
mod quant_row;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use half::slice::HalfBitsSliceExt;
use half::{bf16, f16};

pub use format::{Dtype, PanelFormat};

use crate::block_type::BlockType;
use crate::cpu::Cpu;
use crate::dequantize::dequantize;
use crate::kernels::aligned::Aligned;
use crate::kernels::arena::Arena;
use crate::kernels::cpu::block_format::{BLOCK, QuantType};
use crate::kernels::cpu::elementwise::filled;
use crate::kernels::cpu::simd::LANES;
use crate::kernels::cpu::tile::Line;
use quant_row::QuantRow;

/// Writes the stored bytes of a range of rows to the slice.
pub type ReadRows<'a, E> = dyn Fn(Range<usize>, &mut [u8]) -> Result<(), E> + Sync + 'a;

/// Some rows of a matrix that is about to be packed.
pub struct RowSource<'a, E> {
    /// How many rows.
    pub rows: usize,
    /// What their numbers are stored as.
    pub stored: BlockType,
    /// Reads them; the first row of this source is row 0.
    pub read: &'a ReadRows<'a, E>,
}

impl<E> std::fmt::Debug for RowSource<'_, E> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RowSource({} rows of {:?})", self.rows, self.stored)
    }
}

/// A weight matrix `[rows, columns]`: an output for each row, an input for each column.
#[derive(Debug)]
pub struct PanelMatrix {
    rows: usize,
    columns: usize,
    panels: Panels,
    /// A line for each panel, or none at all.
    bias: Vec<Line>,
}

/// The numbers: `[panel][column][16 rows]` for floats, the last panel filled up with zeros; streams of groups for
/// quantised types; `[panel][pair of columns][16 rows][2]` for bf16 in pairs.
#[derive(Debug)]
enum Panels {
    F32(Aligned<f32>),
    F16(Aligned<u16>),
    Bf16(Aligned<u16>),
    Bf16Pairs(Aligned<u16>),
    Quant(QuantType, Aligned<u8>),
}

/// One panel, for a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Panel<'a> {
    /// `[columns]` lines.
    F32(&'a [[f32; LANES]]),
    /// `[columns]` lines.
    F16(&'a [[f16; LANES]]),
    /// `[columns]` lines.
    Bf16(&'a [[bf16; LANES]]),
    /// Lines of pairs, whole blocks of 16 lines.
    Bf16Pairs(&'a [[u16; 2 * LANES]]),
    /// Whole groups.
    Quant(QuantType, &'a [u8]),
}

impl PanelMatrix {
    /// Packs the rows of all sources, one after another, into one matrix. Several threads read at once.
    pub fn pack<E: Send>(
        cpu: &Cpu,
        columns: usize,
        format: PanelFormat,
        sources: &[RowSource<'_, E>],
    ) -> Result<Self, E> {
        let rows = sources.iter().map(|source| source.rows).sum::<usize>();
        assert!(columns > 0, "a matrix has columns");
        let mut panels = Panels::zeroed(cpu.memory(), format, (rows, columns));
        let failure = Mutex::new(None);
        let job = PackJob { sources, columns, rows };
        panels.for_each_panel(cpu, columns, |panel, place| {
            if let Err(error) = job.pack(panel, place) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(Self { rows, columns, panels, bias: Vec::new() }),
        }
    }

    /// Adds `bias` `[rows]` to the outputs.
    #[must_use]
    pub fn with_bias(mut self, bias: &[f32]) -> Self {
        assert_eq!(bias.len(), self.rows, "one number for each output");
        self.bias = bias.chunks(LANES).map(|part| filled(part, 0.0)).collect();
        self
    }

    /// What is added to the outputs of a panel.
    pub fn bias(&self, panel: usize) -> Option<&Line> {
        self.bias.get(panel)
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Panels of 16 outputs.
    pub fn num_panels(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    /// What the numbers are held as.
    pub fn format(&self) -> PanelFormat {
        match &self.panels {
            Panels::F32(_) => PanelFormat::F32,
            Panels::F16(_) => PanelFormat::F16,
            Panels::Bf16(_) => PanelFormat::Bf16,
            Panels::Bf16Pairs(_) => PanelFormat::Bf16Pairs,
            Panels::Quant(kind, _) => PanelFormat::Quant(*kind),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match &self.panels {
            Panels::F32(numbers) => numbers.bytes(),
            Panels::F16(numbers) | Panels::Bf16(numbers) | Panels::Bf16Pairs(numbers) => numbers.bytes(),
            Panels::Quant(_, bytes) => bytes.bytes(),
        }
    }

    /// One panel.
    pub fn panel(&self, index: usize) -> Panel<'_> {
        let of = self.columns * LANES;
        match &self.panels {
            Panels::F32(numbers) => Panel::F32(numbers[index * of..][..of].as_chunks().0),
            Panels::F16(bits) => Panel::F16(bits[index * of..][..of].reinterpret_cast::<f16>().as_chunks().0),
            Panels::Bf16(bits) => Panel::Bf16(bits[index * of..][..of].reinterpret_cast::<bf16>().as_chunks().0),
            Panels::Bf16Pairs(bits) => {
                let of = self.columns.next_multiple_of(BLOCK) * LANES;
                Panel::Bf16Pairs(bits[index * of..][..of].as_chunks().0)
            }
            Panels::Quant(kind, bytes) => {
                let of = kind.layout().panel_bytes(self.columns);
                Panel::Quant(*kind, &bytes[index * of..][..of])
            }
        }
    }

    /// Reads one row back.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let lane = row % LANES;
        match self.panel(row / LANES) {
            Panel::F32(lines) => copy_lane(lines, out, |line| line[lane]),
            Panel::F16(lines) => copy_lane(lines, out, |line| line[lane].to_f32()),
            Panel::Bf16(lines) => copy_lane(lines, out, |line| line[lane].to_f32()),
            Panel::Bf16Pairs(lines) => {
                for (pair, line) in out.chunks_mut(2).zip(lines) {
                    for (value, bits) in pair.iter_mut().zip(&line[2 * lane..]) {
                        *value = bf16::from_bits(*bits).to_f32();
                    }
                }
            }
            Panel::Quant(kind, panel) => quant_panel::read_row(kind.layout(), panel, lane, out),
        }
    }
}

fn copy_lane<T>(lines: &[T], out: &mut [f32], value: impl Fn(&T) -> f32) {
    for (out, line) in out.iter_mut().zip(lines) {
        *out = value(line);
    }
}

/// Where a panel is written.
enum PanelMut<'a> {
    F32(&'a mut [f32]),
    F16(&'a mut [u16]),
    Bf16(&'a mut [u16]),
    Bf16Pairs(&'a mut [u16]),
    Quant(QuantType, &'a mut [u8]),
}

impl Panels {
    fn zeroed(memory: &Arena, format: PanelFormat, (rows, columns): (usize, usize)) -> Self {
        let numbers = rows.next_multiple_of(LANES) * columns;
        match format {
            PanelFormat::F32 => Self::F32(memory.zeroed(numbers)),
            PanelFormat::F16 => Self::F16(memory.zeroed(numbers)),
            PanelFormat::Bf16 => Self::Bf16(memory.zeroed(numbers)),
            PanelFormat::Bf16Pairs => {
                Self::Bf16Pairs(memory.zeroed(rows.next_multiple_of(LANES) * columns.next_multiple_of(BLOCK)))
            }
            PanelFormat::Quant(kind) => {
                Self::Quant(kind, memory.zeroed(rows.div_ceil(LANES) * kind.layout().panel_bytes(columns)))
            }
        }
    }

    /// Calls `write` for each panel, on several threads.
    fn for_each_panel(&mut self, cpu: &Cpu, columns: usize, write: impl Fn(usize, PanelMut<'_>) + Sync) {
        let of = columns * LANES;
        let pool = cpu.pool();
        match self {
            Self::F32(numbers) => {
                pool.for_each(numbers.chunks_exact_mut(of).enumerate(), |(i, to)| write(i, PanelMut::F32(to)));
            }
            Self::F16(bits) => {
                pool.for_each(bits.chunks_exact_mut(of).enumerate(), |(i, to)| write(i, PanelMut::F16(to)));
            }
            Self::Bf16(bits) => {
                pool.for_each(bits.chunks_exact_mut(of).enumerate(), |(i, to)| write(i, PanelMut::Bf16(to)));
            }
            Self::Bf16Pairs(bits) => {
                let of = columns.next_multiple_of(BLOCK) * LANES;
                pool.for_each(bits.chunks_exact_mut(of).enumerate(), |(i, to)| write(i, PanelMut::Bf16Pairs(to)));
            }
            Self::Quant(kind, bytes) => {
                let (kind, of) = (*kind, kind.layout().panel_bytes(columns));
                pool.for_each(bytes.chunks_exact_mut(of).enumerate(), |(i, to)| write(i, PanelMut::Quant(kind, to)));
            }
        }
    }
}

/// What packing a panel needs to know.
struct PackJob<'a, E> {
    sources: &'a [RowSource<'a, E>],
    columns: usize,
    rows: usize,
}

impl<E> PackJob<'_, E> {
    fn pack(&self, panel: usize, mut place: PanelMut<'_>) -> Result<(), E> {
        let rows = panel * LANES..self.rows.min((panel + 1) * LANES);
        let mut first = 0;
        let mut unpacked = (QuantRow::default(), vec![0.0; self.columns]);
        for source in self.sources {
            let own = rows.start.max(first)..rows.end.min(first + source.rows);
            if !own.is_empty() {
                let row_bytes = self.columns / source.stored.elements() * source.stored.bytes();
                let mut bytes = vec![0; own.len() * row_bytes];
                (source.read)(own.start - first..own.end - first, &mut bytes)?;
                for (row, bytes) in own.zip(bytes.chunks_exact(row_bytes)) {
                    place.write(row - rows.start, (source.stored, bytes), &mut unpacked);
                }
            }
            first += source.rows;
        }
        Ok(())
    }
}

impl PanelMut<'_> {
    fn write(&mut self, lane: usize, (stored, bytes): (BlockType, &[u8]), scratch: &mut (QuantRow, Vec<f32>)) {
        let (quant_row, plain) = scratch;
        if let Self::Quant(kind, panel) = self {
            assert_eq!(stored.quant(), Some(*kind), "quantised panels hold what is stored");
            quant_row.read(*kind, bytes);
            return quant_panel::write_row(kind.layout(), quant_row, lane, panel);
        }
        dequantize(stored, bytes, plain);
        match self {
            Self::F32(panel) => set_lane(panel, lane, plain, |value| value),
            Self::F16(panel) => set_lane(panel, lane, plain, |value| f16::from_f32(value).to_bits()),
            Self::Bf16(panel) => set_lane(panel, lane, plain, |value| bf16::from_f32(value).to_bits()),
            Self::Bf16Pairs(panel) => {
                for (line, pair) in panel.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().zip(plain.chunks(2)) {
                    for (bits, value) in line[2 * lane..].iter_mut().zip(pair) {
                        *bits = bf16::from_f32(*value).to_bits();
                    }
                }
            }
            Self::Quant(..) => {}
        }
    }
}

fn set_lane<T>(panel: &mut [T], lane: usize, values: &[f32], convert: impl Fn(f32) -> T) {
    for (line, value) in panel.as_chunks_mut::<LANES>().0.iter_mut().zip(values) {
        line[lane] = convert(*value);
    }
}
