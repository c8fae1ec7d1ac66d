//! Making rows ready for matmuls: through a norm, into every format of activations.

use engine::cpu::Cpu;
use engine::kernels::cpu::norm_row::RowNorm;
use engine::kernels::tiled_rows::RowFormat;
use engine::ops::tiled_rows::{Input, TiledRows};

use crate::seconds;

const WIDTH: usize = 576;

/// One line for each number of rows.
pub(crate) fn measure(cpu: &Cpu) {
    for rows in [1, 16, 128] {
        let (x, weight) = (vec![0.5; rows * WIDTH], vec![1.0; WIDTH]);
        let norm = Some(RowNorm { weight: &weight, bias: None, eps: 1e-5 });
        print!("  {rows} rows of {WIDTH} normed and tiled:");
        for format in [RowFormat::Floats, RowFormat::Bf16, RowFormat::Quants] {
            let mut tiles = TiledRows::default();
            let filled = seconds(200, |_| tiles.fill(cpu, Input { x: &x, norm }, WIDTH, format));
            print!(" {format:?} {:.1} us", filled * 1e6);
        }
        println!();
    }
}
