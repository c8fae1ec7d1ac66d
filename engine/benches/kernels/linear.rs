//! Linear layers in every format that panels come in: one row against the read bandwidth, many against the arithmetic.

use std::convert::Infallible;
use std::ops::Range;

use engine::cpu::Cpu;
use engine::kernels::columns_mut::ColumnsMut;
use engine::kernels::cpu::tile::Epilogue;
use engine::limits::{LimitProbe, MachineLimits};
use engine::ops;
use engine::ops::tiled_rows::{Input, TiledRows};
use engine::panels::{PanelMatrix, RowSource};
use engine::{BlockType, Dtype, PanelFormat};

use crate::seconds;

/// Weights that calls take turns through.
const COLD_BYTES: usize = 128 << 20;
/// Operations of one round.
const ROUND_OPS: f64 = 1e9;
/// Outputs and inputs: those of SmolLM2-135M, the last its head. Inputs grow to whole blocks of the format.
const SHAPES: [[usize; 2]; 4] = [[3072, 576], [576, 1536], [576, 576], [49152, 576]];
const ROWS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 512];
/// Both bytes of a stored number, so that every type's scales and floats are ordinary ones.
const BYTE: u8 = 0x30;

/// What weights are stored as and the panels they are packed into.
pub(crate) type Format = (BlockType, PanelFormat);

/// One for each kernel: floats, bf16 pairs, the quantised types.
pub(crate) fn formats() -> Vec<Format> {
    let quantised = [
        BlockType::Q4_0,
        BlockType::Q4_1,
        BlockType::Q5_0,
        BlockType::Q5_1,
        BlockType::Q8_0,
        BlockType::Q2K,
        BlockType::Q3K,
        BlockType::Q4K,
        BlockType::Q5K,
        BlockType::Q6K,
    ];
    let stored = [BlockType::F32, BlockType::F16, BlockType::BF16].into_iter().chain(quantised);
    let as_stored = stored.map(|stored| (stored, PanelFormat::of(stored, Dtype::Auto, false)));
    as_stored.chain([(BlockType::BF16, PanelFormat::Bf16Pairs)]).collect()
}

/// As arguments spell it.
pub(crate) fn name((_, format): Format) -> String {
    match format {
        PanelFormat::Quant(kind) => format!("{kind:?}"),
        other => format!("{other:?}"),
    }
}

/// One line for each shape.
pub(crate) fn measure(cpu: &Cpu, probe: &LimitProbe, (stored, format): Format) {
    if format == PanelFormat::Bf16Pairs && cpu.bf16_dot().is_none() {
        return println!("  Bf16Pairs: no instruction for it");
    }
    let limits = probe.measure(cpu);
    for [outputs, inputs] in SHAPES {
        let inputs = inputs.next_multiple_of(stored.elements());
        let bytes = format.bytes(outputs, inputs) as usize;
        let matrices: Vec<PanelMatrix> =
            (0..COLD_BYTES.div_ceil(bytes)).map(|_| packed(cpu, (stored, format), [outputs, inputs])).collect();
        print!("  {} {outputs} x {inputs}:", name((stored, format)));
        for rows in ROWS {
            measure_rows(cpu, &limits, &matrices, rows);
        }
        println!();
    }
}

fn packed(cpu: &Cpu, (stored, format): Format, [outputs, inputs]: [usize; 2]) -> PanelMatrix {
    let read = |_: Range<usize>, out: &mut [u8]| {
        out.fill(BYTE);
        Ok::<(), Infallible>(())
    };
    let source = RowSource { rows: outputs, stored, read: &read };
    PanelMatrix::pack(cpu, inputs, format, &[source]).expect("infallible")
}

/// The time of one row and its share of the read bandwidth, or how much arithmetic so many rows reach.
fn measure_rows(cpu: &Cpu, limits: &MachineLimits, matrices: &[PanelMatrix], rows: usize) {
    let first = &matrices[0];
    let (outputs, inputs, format) = (first.rows(), first.columns(), first.format());
    let (x, mut y) = (vec![0.5; rows * inputs], vec![0.0; rows * outputs]);
    let mut tiles = TiledRows::default();
    tiles.fill(cpu, Input { x: &x, norm: None }, inputs, format.row_format());
    let ops = 2.0 * (rows * outputs * inputs) as f64;
    let calls = ((ROUND_OPS / ops) as usize).clamp(1, 2 * matrices.len());
    let seconds = seconds(calls, |call| {
        let out = ColumnsMut::new(&mut y, outputs);
        ops::linear(cpu, &matrices[call % matrices.len()], &tiles, Epilogue::Store, out);
    });
    if rows == 1 {
        let speed = first.bytes() as f64 / seconds;
        let share = 100.0 * speed / limits.read_bytes_per_s;
        print!(" {:.1} us, {:.1} GB/s ({share:.0} %); Gop/s by rows", seconds * 1e6, speed / 1e9);
    }
    print!(" {rows}: {:.0}", ops / seconds / 1e9);
    if let Some(most) = limits.ops_per_s(format.arithmetic()) {
        print!(" ({:.0} %)", 100.0 * ops / seconds / most);
    }
}
