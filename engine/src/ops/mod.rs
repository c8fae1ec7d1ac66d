//! What a forward pass is made of: each op checks its shapes, splits the work over the pool and runs the kernel.
//!
//! Invariant: each output number is one fixed chain of operations. It depends on its own row alone, never on the other
//! rows of the batch, on threads or on the instruction set. [`mod@reference`] holds the plain twin of each op.

pub mod embedding;
pub mod linear;
pub mod log_sum_exp;
pub mod paged_attention;
pub mod reference;
pub mod rope;
pub mod sequences;
pub mod tiled_rows;
pub mod write_kv;

pub use embedding::embedding;
pub use linear::{gated_linear, linear};
pub use log_sum_exp::log_sum_exp;
pub use paged_attention::paged_attention;
pub use write_kv::write_kv;

use std::ops::Range;

use crate::cpu::Cpu;

/// Values below which one thread is faster than two.
const WORTH_SHARING: usize = 8192;

/// Cuts `rows` of `width` values into parts worth a thread each, at most a few for each thread.
fn row_parts(cpu: &Cpu, rows: usize, width: usize) -> Vec<Range<usize>> {
    let most = (rows * width / WORTH_SHARING).clamp(1, 4 * cpu.pool().threads());
    let parts = if cpu.pool().threads() == 1 { 1 } else { most.min(rows.max(1)) };
    (0..parts).map(|part| part * rows / parts..(part + 1) * rows / parts).collect()
}

/// Rows of an output that are not yet handed out.
struct RowsLeft<'a> {
    rest: &'a mut [f32],
    width: usize,
}

impl<'a> RowsLeft<'a> {
    /// The next `rows` rows.
    fn take(&mut self, rows: usize) -> &'a mut [f32] {
        self.rest.split_off_mut(..rows * self.width).expect("parts add up to the rows")
    }
}
