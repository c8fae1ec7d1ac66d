//! Norm, activation, residual, log-sum-exp: near the plain op, and the same bits whatever computes them.

use crate::support::{Random, all, assert_close, assert_same_bits, plain};
use engine::cpu::Cpu;
use engine::ops;
use engine::ops::reference;

const WIDTHS: [usize; 8] = [1, 7, 15, 16, 17, 64, 100, 576];
const ROWS: [usize; 4] = [1, 2, 5, 130];

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
fn rms_norm_equals_its_reference() {
    let mut random = Random(1);
    for (width, rows) in WIDTHS.into_iter().flat_map(|width| ROWS.map(|rows| (width, rows))) {
        let (x, weight) = (random.values(rows * width), random.values(width));
        let out = same_everywhere(&x, width, |cpu, x| {
            let mut out = vec![f32::NAN; x.len()];
            ops::rms_norm(cpu, x, &weight, 1e-5, &mut out);
            out
        });
        assert_close(&out, &reference::rms_norm(&x, &weight, 1e-5), 1e-6, "rms norm");
    }
}

#[test]
fn swiglu_equals_its_reference() {
    let mut random = Random(2);
    for (width, rows) in WIDTHS.into_iter().flat_map(|width| ROWS.map(|rows| (width, rows))) {
        let gate_up: Vec<f32> = random.values(rows * 2 * width).iter().map(|value| value * 30.0).collect();
        let out = same_everywhere(&gate_up, 2 * width, |cpu, gate_up| {
            let mut out = vec![f32::NAN; gate_up.len() / 2];
            ops::swiglu(cpu, gate_up, width, &mut out);
            out
        });
        assert_close(&out, &reference::swiglu(&gate_up, width), 1e-6, "swiglu");
    }
}

#[test]
fn swiglu_at_the_ends_of_the_floats() {
    for cpu in all() {
        let mut out = [0.0; 5];
        ops::swiglu(&cpu, &[-1e4, -100.0, 0.0, 100.0, f32::NAN, 1.0, 1.0, 1.0, 1.0, 1.0], 5, &mut out);
        assert!(out[0].abs() < 1e-30 && out[1].abs() < 1e-30 && out[4].is_nan());
        assert_same_bits(&out[2..4], &[0.0, 100.0], "zero and a large gate");
    }
}

#[test]
fn add_adds() {
    let mut random = Random(3);
    for len in [0, 1, 17, 70_000] {
        let (x, sums) = (random.values(len), random.values(len));
        let expected: Vec<f32> = sums.iter().zip(&x).map(|(sum, x)| sum + x).collect();
        for cpu in all() {
            let mut sums = sums.clone();
            ops::add(&cpu, &mut sums, &x);
            assert_same_bits(&sums, &expected, "sums");
        }
    }
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
