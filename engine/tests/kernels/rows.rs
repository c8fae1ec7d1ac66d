//! Log-sum-exp, norms and activations of rows: near the plain op, and the same bits whatever computes them.

use std::ops::Range;

use crate::support::{Random, all, assert_close, assert_same_bits, plain};
use engine::cpu::Cpu;
use engine::kernels::columns_mut::ColumnsMut;
use engine::kernels::cpu::activation::Activation;
use engine::kernels::cpu::norm_row::RowNorm;
use engine::kernels::cpu::tile::Epilogue;
use engine::kernels::tiled_rows::RowFormat;
use engine::ops;
use engine::ops::reference;
use engine::ops::tiled_rows::{Input, TiledRows};
use engine::panels::{PanelMatrix, RowSource};
use engine::{BlockType, PanelFormat};

/// Runs `op` on all CPUs; results must have the bits of the plain one, and each row the bits it has alone.
fn same_everywhere(x: &[f32], width: usize, op: impl Fn(&Cpu, &[f32]) -> Vec<f32>) -> Vec<f32> {
    let expected = op(&plain(), x);
    for cpu in all() {
        let what = format!("width {width}, {}, {} threads", cpu.isa().isa(), cpu.pool().threads());
        assert_same_bits(&op(&cpu, x), &expected, &what);
        let out_width = expected.len() / (x.len() / width);
        let alone: Vec<f32> = x.chunks_exact(width).flat_map(|row| op(&cpu, row)).collect();
        assert_eq!(out_width * (x.len() / width), alone.len());
        assert_same_bits(&alone, &expected, &format!("{what}, row by row"));
    }
    expected
}

#[test]
fn log_sum_exp_equals_its_reference() {
    let mut random = Random(4);
    for len in [1, 2, 16, 17, 1000, 49_152] {
        let mut logits: Vec<f32> = random.values(len).iter().map(|value| value * 20.0).collect();
        let sum = same_everywhere(&logits, len, |cpu, logits| vec![ops::log_sum_exp(cpu, logits)]);
        assert_close(&sum, &[reference::log_sum_exp(&logits)], 1e-5, "log sum exp");
        logits.push(f32::NEG_INFINITY);
        let masked = same_everywhere(&logits, len + 1, |cpu, logits| vec![ops::log_sum_exp(cpu, logits)]);
        assert_close(&masked, &[f64::from(sum[0])], 1e-6, "a masked logit counts nothing");
        logits.push(f32::NAN);
        assert!(ops::log_sum_exp(&plain(), &logits).is_nan());
    }
}

#[test]
fn normed_rows_equal_their_reference() {
    let mut random = Random(5);
    let eps = 1e-5;
    for width in [1, 15, 16, 33, 576, 4100] {
        let (weight, bias) = (random.values(width), random.values(width));
        // Far from zero: the mean of squares is not the variance.
        let x: Vec<f32> = random.values(3 * width).iter().map(|value| value + 3.0).collect();
        let normed = |bias| {
            same_everywhere(&x, width, |cpu, x| {
                let mut rows = x.to_vec();
                ops::norm_rows(cpu, RowNorm { weight: &weight, bias, eps }, &mut rows);
                rows
            })
        };
        assert_close(&normed(None), &reference::rms_norm(&x, &weight, eps), 1e-5, "norm");
        let expected = reference::layer_norm(&x, (&weight, &bias), eps);
        assert_close(&normed(Some(&bias)), &expected, 1e-5, "norm by mean and variance");
    }
    for bias in [None, Some([0.5; 2].as_slice())] {
        let mut rows = vec![f32::NAN, 1.0];
        ops::norm_rows(&plain(), RowNorm { weight: &[1.0, 1.0], bias, eps }, &mut rows);
        assert!(rows.iter().all(|value| value.is_nan()));
    }
}

/// A product with the identity shows what the tile held.
#[test]
fn rows_are_normed_alike_on_their_way_into_a_tile() {
    let mut random = Random(6);
    let (weight, bias) = (random.values(WIDTH), random.values(WIDTH));
    let x: Vec<f32> = random.values(20 * WIDTH).iter().map(|value| value + 3.0).collect();
    for bias in [None, Some(bias.as_slice())] {
        let norm = RowNorm { weight: &weight, bias, eps: 1e-5 };
        let through_a_tile = same_everywhere(&x, WIDTH, |cpu, x| {
            let mut tiles = TiledRows::default();
            tiles.fill(cpu, Input { x, norm: Some(norm) }, WIDTH, RowFormat::Floats);
            let mut rows = vec![f32::NAN; x.len()];
            ops::linear(cpu, &identity(cpu, WIDTH), &tiles, Epilogue::Store, ColumnsMut::new(&mut rows, WIDTH));
            rows
        });
        let mut in_place = x.clone();
        ops::norm_rows(&plain(), norm, &mut in_place);
        assert_same_bits(&through_a_tile, &in_place, "in a tile as in place");
    }
}

/// A product with one number shows the activation itself.
#[test]
fn activations_equal_their_reference() {
    let x: Vec<f32> = (-4096..=4096).map(|step| step as f32 / 256.0).chain([1e-20, -1e-20, 1e30, -1e4]).collect();
    for activation in [Activation::Relu, Activation::Silu, Activation::Gelu, Activation::TanhGelu] {
        let activated = same_everywhere(&x, x.len(), |cpu, x| {
            let mut tiles = TiledRows::default();
            tiles.fill(cpu, Input { x, norm: None }, 1, RowFormat::Floats);
            let mut y = vec![f32::NAN; x.len()];
            ops::linear(cpu, &identity(cpu, 1), &tiles, Epilogue::Activate(activation), ColumnsMut::new(&mut y, 1));
            y
        });
        let expected: Vec<f64> = x.iter().map(|x| reference::activated(activation, f64::from(*x))).collect();
        assert_close(&activated, &expected, 1e-6, &format!("{activation:?}"));
    }
}

const WIDTH: usize = 37;

fn identity(cpu: &Cpu, width: usize) -> PanelMatrix {
    let read = |rows: Range<usize>, out: &mut [u8]| {
        for (row, line) in rows.zip(out.chunks_exact_mut(4 * width)) {
            line.fill(0);
            line[4 * row..4 * row + 4].copy_from_slice(&1.0_f32.to_le_bytes());
        }
        Ok::<(), String>(())
    };
    let source = RowSource { rows: width, stored: BlockType::F32, read: &read };
    PanelMatrix::pack(cpu, width, PanelFormat::F32, &[source]).unwrap()
}
