//! The residual connection.

use super::{RowsLeft, row_parts};
use crate::cpu::Cpu;

/// `sums += x`, element by element.
pub fn add(cpu: &Cpu, sums: &mut [f32], x: &[f32]) {
    assert_eq!(sums.len(), x.len(), "one summand for each sum");
    let mut places = RowsLeft { rest: sums, width: 1 };
    let parts = row_parts(cpu, x.len(), 1).into_iter().map(|part| (places.take(part.len()), &x[part]));
    cpu.pool().for_each(parts.collect(), |(sums, x)| {
        for (sum, value) in sums.iter_mut().zip(x) {
            *sum += value;
        }
    });
}
