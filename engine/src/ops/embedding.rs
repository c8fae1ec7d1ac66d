//! Rows of the embedding table.

use scheduler::Token;

use super::matmul::PanelMatrix;

/// Copies row `token` of the table to each row of `out` `[tokens, width]`.
pub fn embedding(table: &PanelMatrix, tokens: &[Token], out: &mut [f32]) {
    let width = table.columns();
    assert_eq!(out.len(), tokens.len() * width, "one row for each token");
    for (token, row) in tokens.iter().zip(out.chunks_exact_mut(width)) {
        table.row(*token as usize, row);
    }
}
