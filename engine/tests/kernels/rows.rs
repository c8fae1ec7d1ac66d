//! Log-sum-exp and the norm of rows: near the plain op, and the same bits whatever computes them.

use crate::support::{Random, all, assert_close, assert_same_bits, plain};
use engine::cpu::Cpu;
use engine::kernels::cpu::fill_tile::RowNorm;
use engine::ops;
use engine::ops::reference;

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
    for width in [1, 15, 16, 33, 576] {
        let (x, weight) = (random.values(3 * width), random.values(width));
        let normed = same_everywhere(&x, width, |cpu, x| {
            let mut rows = x.to_vec();
            ops::norm_rows(cpu, RowNorm { weight: &weight, eps }, &mut rows);
            rows
        });
        assert_close(&normed, &reference::rms_norm(&x, &weight, eps), 1e-5, "norm");
    }
    let mut rows = vec![f32::NAN, 1.0];
    ops::norm_rows(&plain(), RowNorm { weight: &[1.0, 1.0], eps }, &mut rows);
    assert!(rows.iter().all(|value| value.is_nan()));
}
