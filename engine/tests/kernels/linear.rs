//! Linear layers in every format: near the plain product, and the same bits on every instruction set, with any
//! threads, in any batch.

use std::ops::Range;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use engine::cpu::Cpu;
use engine::kernels::columns_mut::ColumnsMut;
use engine::kernels::cpu::activation::Activation;
use engine::kernels::cpu::norm_row::RowNorm;
use engine::kernels::cpu::tile::Epilogue;
use engine::ops;
use engine::ops::linear::Gated;
use engine::ops::reference;
use engine::ops::tiled_rows::{Input, TiledRows};
use engine::panels::{PanelMatrix, RowSource};
use engine::{BlockType, PanelFormat};

use crate::support::{Random, all, assert_close, assert_same_bits, plain};

/// A matrix as a file holds it.
struct StoredRows {
    stored: BlockType,
    columns: usize,
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl StoredRows {
    fn floats(weights: &[f32], columns: usize) -> Self {
        let bytes = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        Self { stored: BlockType::F32, columns, row_bytes: 4 * columns, bytes }
    }

    /// Quantised by candle.
    fn quantised(stored: BlockType, weights: &[f32], columns: usize) -> Self {
        let tensor = Tensor::from_slice(weights, (weights.len() / columns, columns), &Device::Cpu).unwrap();
        let kind = stored.candle().expect("a quantised type");
        let bytes = QTensor::quantize(&tensor, kind).unwrap().data().unwrap().into_owned();
        Self { stored, columns, row_bytes: columns / stored.elements() * stored.bytes(), bytes }
    }

    fn rows(&self) -> usize {
        self.bytes.len() / self.row_bytes
    }

    fn pack(&self, cpu: &Cpu, format: PanelFormat) -> PanelMatrix {
        let read = |rows: Range<usize>, out: &mut [u8]| {
            out.copy_from_slice(&self.bytes[rows.start * self.row_bytes..rows.end * self.row_bytes]);
            Ok::<(), String>(())
        };
        let source = RowSource { rows: self.rows(), stored: self.stored, read: &read };
        PanelMatrix::pack(cpu, self.columns, format, &[source]).unwrap()
    }
}

const QUANTISED: [BlockType; 10] = [
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

fn filled(cpu: &Cpu, matrix: &PanelMatrix, x: &[f32], norm: Option<RowNorm<'_>>) -> TiledRows {
    let mut tiles = TiledRows::default();
    tiles.fill(cpu, Input { x, norm }, matrix.columns(), matrix.format().row_format());
    tiles
}

fn linear(cpu: &Cpu, weights: &PanelMatrix, x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len() / weights.columns() * weights.rows()];
    let tiles = filled(cpu, weights, x, None);
    ops::linear(cpu, weights, &tiles, Epilogue::Store, ColumnsMut::new(&mut y, weights.rows()));
    y
}

/// The rule of float weights: each output is one fma for each input, in order.
fn chains(x: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let chain = |x: &[f32], w: &[f32]| x.iter().zip(w).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum));
    x.chunks_exact(columns).flat_map(|x| weights.chunks_exact(columns).map(move |w| chain(x, w))).collect()
}

/// Activations as 8 bits give them back.
fn rounded(x: &[f32], columns: usize) -> Vec<f32> {
    let block = |block: &[f32]| {
        let greatest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let inverse = if greatest > 0.0 { 127.0 / greatest } else { 0.0 };
        block.iter().map(|value| (value * inverse).round_ties_even() * (greatest / 127.0)).collect::<Vec<_>>()
    };
    x.chunks_exact(columns).flat_map(|row| row.chunks(32).flat_map(block)).collect()
}

fn read_back(cpu: &Cpu, matrix: &PanelMatrix) -> Vec<f32> {
    let mut rows = vec![f32::NAN; matrix.rows() * matrix.columns()];
    ops::embedding(cpu, matrix, &(0..matrix.rows() as u32).collect::<Vec<_>>(), &mut rows);
    rows
}

/// The same bits on every CPU, and for the last row alone.
fn check_bits(cpus: &[Cpu], stored: &StoredRows, format: PanelFormat, x: &[f32], expected: &[f32]) {
    let (inputs, outputs) = (stored.columns, stored.rows());
    let rows = x.len() / inputs;
    for cpu in cpus {
        let what =
            format!("{format:?}: {rows} x {outputs} x {inputs}, {}, {} threads", cpu.isa().isa(), cpu.pool().threads());
        let matrix = stored.pack(cpu, format);
        assert_same_bits(&linear(cpu, &matrix, x), expected, &what);
        let alone = linear(cpu, &matrix, &x[(rows - 1) * inputs..]);
        assert_same_bits(&alone, &expected[(rows - 1) * outputs..], &format!("{what}, the last row alone"));
    }
}

fn check_floats(cpus: &[Cpu], random: &mut Random, [rows, outputs, inputs]: [usize; 3]) {
    let (x, weights) = (random.values(rows * inputs), random.values(outputs * inputs));
    let stored = StoredRows::floats(&weights, inputs);
    for format in [PanelFormat::F32, PanelFormat::F16, PanelFormat::Bf16] {
        let held = read_back(&plain(), &stored.pack(&plain(), format));
        let expected = chains(&x, &held, inputs);
        assert_close(&expected, &reference::linear(&x, &held, inputs), 1e-6 * inputs as f64, "the chain itself");
        check_bits(cpus, &stored, format, &x, &expected);
    }
}

#[test]
fn every_tile_height_of_floats_equals_the_chain() {
    let (cpus, mut random) = (all(), Random(1));
    for rows in 1..=26 {
        check_floats(&cpus, &mut random, [rows, 83, 45]);
    }
}

#[test]
fn odd_shapes_of_floats_equal_the_chain() {
    let (cpus, mut random) = (all(), Random(2));
    for outputs in [1, 15, 16, 17, 31, 32, 33, 48] {
        for inputs in [1, 2, 3, 5, 16, 31, 33] {
            let rows = 1 + random.below(17);
            check_floats(&cpus, &mut random, [rows, outputs, inputs]);
        }
    }
}

#[test]
fn rows_beyond_one_cache_chunk_equal_the_chain() {
    let (cpus, mut random) = (all(), Random(3));
    check_floats(&cpus, &mut random, [53, 600, 1801]);
    check_floats(&cpus, &mut random, [700, 40, 576]);
}

/// Weights times activations in 8 bits, in f64; a block's fused additions differ in the last bits.
#[test]
fn quantised_weights_give_the_product_of_what_they_stand_for() {
    let mut random = Random(4);
    for stored in QUANTISED {
        for rows in [1, 3, 11] {
            let (outputs, inputs) = (37, 3 * stored.elements());
            let (x, weights) = (random.values(rows * inputs), random.values(outputs * inputs));
            let file = StoredRows::quantised(stored, &weights, inputs);
            let matrix = file.pack(&plain(), PanelFormat::Quant(stored.quant().unwrap()));
            let held = read_back(&plain(), &matrix);
            let dequantised = read_back(&plain(), &file.pack(&plain(), PanelFormat::F32));
            let (held_f64, expected) =
                (held.clone(), dequantised.iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
            assert_close(&held_f64, &expected, 1e-6, &format!("{stored:?} read back"));
            let product = reference::linear(&rounded(&x, inputs), &held, inputs);
            assert_close(&linear(&plain(), &matrix, &x), &product, 2e-4, &format!("{stored:?}, {rows} rows"));
        }
    }
}

#[test]
fn quantised_weights_give_the_same_bits_everywhere() {
    let (cpus, mut random) = (all(), Random(5));
    for stored in QUANTISED {
        let format = PanelFormat::Quant(stored.quant().unwrap());
        for rows in (1..=17).chain([39, 40, 49, 64]) {
            let inputs = stored.elements() * (1 + random.below(4));
            let outputs = [16, 33, 80][random.below(3)];
            let (x, weights) = (random.values(rows * inputs), random.values(outputs * inputs));
            let file = StoredRows::quantised(stored, &weights, inputs);
            let expected = linear(&plain(), &file.pack(&plain(), format), &x);
            check_bits(&cpus, &file, format, &x, &expected);
        }
    }
}

#[test]
fn a_gate_and_what_it_gates_may_differ_in_type() {
    let (cpus, mut random) = (all(), Random(9));
    let (rows, outputs, inputs) = (50, 48, 512);
    let x = random.values(rows * inputs);
    let [gate, up] = [BlockType::Q4K, BlockType::Q6K].map(|stored| {
        let format = PanelFormat::Quant(stored.quant().unwrap());
        (StoredRows::quantised(stored, &random.values(outputs * inputs), inputs), format)
    });
    let gated = |cpu: &Cpu| {
        let [gate, up] = [&gate, &up].map(|(stored, format)| stored.pack(cpu, *format));
        let mut y = vec![f32::NAN; rows * outputs];
        let weights = Gated { gate: &gate, up: &up, activation: Activation::Silu };
        ops::gated_linear(cpu, weights, &filled(cpu, &gate, &x, None), ColumnsMut::new(&mut y, outputs));
        y
    };
    let expected = gated(&plain());
    for cpu in &cpus {
        assert_same_bits(&gated(cpu), &expected, &format!("{:?}", cpu.isa()));
    }
}

#[test]
fn extreme_activations_stay_exact_in_every_format() {
    let (cpus, mut random) = (all(), Random(6));
    for stored in QUANTISED {
        let format = PanelFormat::Quant(stored.quant().unwrap());
        let inputs = 2 * stored.elements();
        let weights: Vec<f32> = (0..16 * inputs).map(|index| if index % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let x: Vec<f32> = (0..5 * inputs).map(|_| if random.below(2) == 0 { 1e4 } else { -1e4 }).collect();
        let file = StoredRows::quantised(stored, &weights, inputs);
        let expected = linear(&plain(), &file.pack(&plain(), format), &x);
        check_bits(&cpus, &file, format, &x, &expected);
    }
}

#[test]
fn bf16_pairs_depend_on_no_batch() {
    let mut random = Random(7);
    for cpu in all().iter().filter(|cpu| cpu.bf16_dot().is_some()) {
        for rows in 1..=25 {
            let (outputs, inputs) = (70, 1 + random.below(80));
            let (x, weights) = (random.values(rows * inputs), random.values(outputs * inputs));
            let matrix = StoredRows::floats(&weights, inputs).pack(cpu, PanelFormat::Bf16Pairs);
            let y = linear(cpu, &matrix, &x);
            let alone: Vec<f32> = x.chunks_exact(inputs).flat_map(|row| linear(cpu, &matrix, row)).collect();
            assert_same_bits(&y, &alone, "row by row");
            let held = read_back(cpu, &matrix);
            assert_close(&y, &reference::linear(&x, &held, inputs), 0.05, "near the plain product");
        }
    }
}

#[test]
fn a_number_that_is_none_reaches_every_output_of_its_row() {
    for cpu in all() {
        for bad in [f32::NAN, f32::INFINITY] {
            let matrix = StoredRows::quantised(BlockType::Q4_0, &[0.5; 20 * 64], 64)
                .pack(&cpu, PanelFormat::Quant(BlockType::Q4_0.quant().unwrap()));
            let mut x = vec![1.0; 3 * 64];
            x[64 + 40] = bad;
            let y = linear(&cpu, &matrix, &x);
            assert!(y[20..40].iter().all(|value| !value.is_finite()));
            assert!(y[..20].iter().chain(&y[40..]).all(|value| value.is_finite()));
        }
    }
}

#[test]
fn results_are_added_activated_and_gated_with_their_bias() {
    let mut random = Random(8);
    let (rows, outputs, inputs) = (9, 45, 64);
    let (x, gate, up) =
        (random.values(rows * inputs), random.values(outputs * inputs), random.values(outputs * inputs));
    let (gate_bias, up_bias) = (random.values(outputs), random.values(outputs));
    let (norm_weight, eps) = (random.values(inputs), 1e-5);
    let norm = RowNorm { weight: &norm_weight, bias: None, eps };
    let normed: Vec<f32> = reference::rms_norm(&x, &norm_weight, eps).iter().map(|value| *value as f32).collect();
    let with_bias = |weights: &[f32], bias: &[f32]| -> Vec<f32> {
        let product = reference::linear(&normed, weights, inputs);
        product.iter().zip(bias.iter().cycle()).map(|(value, bias)| *value as f32 + bias).collect()
    };
    let (gates, ups) = (with_bias(&gate, &gate_bias), with_bias(&up, &up_bias));
    for cpu in all() {
        let [gate, up] = [(&gate, &gate_bias), (&up, &up_bias)]
            .map(|(weights, bias)| StoredRows::floats(weights, inputs).pack(&cpu, PanelFormat::F32).with_bias(bias));
        let tiles = filled(&cpu, &gate, &x, Some(norm));
        let mut y = vec![1.0; rows * outputs];
        ops::linear(&cpu, &gate, &tiles, Epilogue::Add, ColumnsMut::new(&mut y, outputs));
        let sums: Vec<f64> = gates.iter().map(|gate| f64::from(*gate) + 1.0).collect();
        assert_close(&y, &sums, 1e-4, "added");
        for activation in [Activation::Relu, Activation::Silu, Activation::Gelu, Activation::TanhGelu] {
            let weights = Gated { gate: &gate, up: &up, activation };
            ops::gated_linear(&cpu, weights, &tiles, ColumnsMut::new(&mut y, outputs));
            assert_close(&y, &reference::gated(activation, &gates, &ups), 1e-4, "gated");
            ops::linear(&cpu, &gate, &tiles, Epilogue::Activate(activation), ColumnsMut::new(&mut y, outputs));
            let activated: Vec<f64> =
                gates.iter().map(|gate| reference::activated(activation, f64::from(*gate))).collect();
            assert_close(&y, &activated, 1e-4, "activated");
        }
    }
}

#[test]
fn no_rows_give_nothing() {
    let matrix = StoredRows::floats(&[1.0, 2.0], 2).pack(&plain(), PanelFormat::F32);
    assert_eq!(linear(&plain(), &matrix, &[]), [0.0; 0]);
}

#[test]
fn a_source_that_fails_fails_the_packing() {
    for cpu in all() {
        let read = |rows: Range<usize>, _: &mut [u8]| if rows.contains(&50) { Err("row 50") } else { Ok(()) };
        let source = RowSource { rows: 100, stored: BlockType::F32, read: &read };
        assert_eq!(PanelMatrix::pack(&cpu, 4, PanelFormat::F32, &[source]).unwrap_err(), "row 50");
    }
}
