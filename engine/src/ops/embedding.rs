//! Rows of the embedding table.

use scheduler::Token;

use crate::cpu::Cpu;
use crate::panels::PanelMatrix;

/// Copies row `token` of the table to each row of `out` `[tokens, width]`.
pub fn embedding(cpu: &Cpu, table: &PanelMatrix, tokens: &[Token], out: &mut [f32]) {
    let width = table.columns();
    assert_eq!(out.len(), tokens.len() * width, "one row for each token");
    let rows = tokens.iter().zip(out.chunks_exact_mut(width));
    cpu.pool().for_each(rows, |(token, row)| table.row(*token as usize, row));
}
