//! Linear layers: every instruction set and thread count against one plain chain per output, bit for bit.

use std::ops::Range;

use crate::support::{Random, all, assert_close, assert_same_bits, plain};
use engine::cpu::Cpu;
use engine::ops;
use engine::ops::matmul::{PanelMatrix, RowSource};
use engine::ops::reference;

fn pack(cpu: &Cpu, weights: &[f32], columns: usize) -> PanelMatrix {
    let read = |rows: Range<usize>, out: &mut [f32]| {
        out.copy_from_slice(&weights[rows.start * columns..rows.end * columns]);
        Ok::<(), String>(())
    };
    PanelMatrix::pack(cpu, columns, &[RowSource { rows: weights.len() / columns, read: &read }]).unwrap()
}

fn linear(cpu: &Cpu, weights: &PanelMatrix, x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len() / weights.columns() * weights.rows()];
    ops::linear(cpu, weights, x, &mut y);
    y
}

/// The rule: each output is one fma for each input, in order.
fn chains(x: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let chain = |x: &[f32], w: &[f32]| x.iter().zip(w).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum));
    x.chunks_exact(columns).flat_map(|x| weights.chunks_exact(columns).map(move |w| chain(x, w))).collect()
}

fn check(cpus: &[Cpu], random: &mut Random, [rows, outputs, inputs]: [usize; 3]) {
    let (x, weights) = (random.values(rows * inputs), random.values(outputs * inputs));
    let expected = chains(&x, &weights, inputs);
    assert_close(&expected, &reference::linear(&x, &weights, inputs), 1e-6 * inputs as f64, "the chain itself");
    for cpu in cpus {
        let what = format!("{rows} x {outputs} x {inputs}, {}, {} threads", cpu.isa().isa(), cpu.pool().threads());
        let matrix = pack(cpu, &weights, inputs);
        assert_same_bits(&linear(cpu, &matrix, &x), &expected, &what);
        let alone = linear(cpu, &matrix, &x[(rows - 1) * inputs..]);
        assert_same_bits(&alone, &expected[(rows - 1) * outputs..], &format!("{what}, the last row alone"));
    }
}

#[test]
fn every_tile_height_equals_the_chain() {
    let (cpus, mut random) = (all(), Random(1));
    for rows in 1..=26 {
        check(&cpus, &mut random, [rows, 83, 45]);
    }
}

#[test]
fn odd_shapes_equal_the_chain() {
    let (cpus, mut random) = (all(), Random(2));
    for outputs in [1, 15, 16, 17, 31, 32, 33, 48] {
        for inputs in [1, 2, 3, 5, 16, 31, 33] {
            let rows = 1 + random.below(17);
            check(&cpus, &mut random, [rows, outputs, inputs]);
        }
    }
}

#[test]
fn rows_beyond_one_cache_chunk_equal_the_chain() {
    let (cpus, mut random) = (all(), Random(3));
    check(&cpus, &mut random, [53, 600, 9001]);
    check(&cpus, &mut random, [700, 40, 576]);
}

#[test]
fn no_rows_give_nothing() {
    let matrix = pack(&plain(), &[1.0, 2.0], 2);
    assert_eq!(linear(&plain(), &matrix, &[]), [0.0; 0]);
}

#[test]
fn fused_sources_are_one_matrix_and_rows_read_back() {
    let mut random = Random(4);
    let columns = 37;
    let parts: Vec<Vec<f32>> = [9, 1, 40, 5].map(|rows| random.values(rows * columns)).to_vec();
    for cpu in all() {
        let reads: Vec<_> = parts
            .iter()
            .map(|part| {
                move |rows: Range<usize>, out: &mut [f32]| {
                    out.copy_from_slice(&part[rows.start * columns..rows.end * columns]);
                    Ok::<(), String>(())
                }
            })
            .collect();
        let sources: Vec<_> =
            parts.iter().zip(&reads).map(|(part, read)| RowSource { rows: part.len() / columns, read }).collect();
        let matrix = PanelMatrix::pack(&cpu, columns, &sources).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (55, columns));
        let mut rows = vec![0.0; 55 * columns];
        ops::embedding(&matrix, &(0..55).collect::<Vec<_>>(), &mut rows);
        assert_same_bits(&rows, &parts.concat(), "rows read back");
    }
}

#[test]
fn a_source_that_fails_fails_the_packing() {
    for cpu in all() {
        let read = |rows: Range<usize>, _: &mut [f32]| if rows.contains(&50) { Err("row 50") } else { Ok(()) };
        let packed = PanelMatrix::pack(&cpu, 4, &[RowSource { rows: 100, read: &read }]);
        assert_eq!(packed.unwrap_err(), "row 50");
    }
}
