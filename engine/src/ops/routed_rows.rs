//! Rows of the tokens that take an expert: brought together for it, and its results added to theirs.

use super::WORTH_SHARING;
use super::routes::RoutedToken;
use crate::cpu::Cpu;

/// Copies the row of each token in `stream`, `[tokens, k]`, to `rows`, `[routed, k]`.
pub fn gather_rows(cpu: &Cpu, routed: &[RoutedToken], k: usize, stream: &[f32], rows: &mut [f32]) {
    assert_eq!(rows.len(), routed.len() * k, "a row for each token");
    let shared = rows.len() >= WORTH_SHARING;
    let pairs = routed.iter().zip(rows.chunks_exact_mut(k));
    let copy = |(routed, row): (&RoutedToken, &mut [f32])| row.copy_from_slice(&stream[routed.token * k..][..k]);
    if shared { cpu.pool().for_each(pairs, copy) } else { pairs.for_each(copy) }
}

/// Adds each token's share of its result, `[routed, k]`, to its row of `sums`, `[tokens, k]`. Tokens ascend.
pub fn add_shares(cpu: &Cpu, routed: &[RoutedToken], k: usize, results: &[f32], sums: &mut [f32]) {
    assert_eq!(results.len(), routed.len() * k, "a result for each token");
    let shared = results.len() >= WORTH_SHARING;
    let (mut left, mut next) = (sums, 0);
    let rows = routed.iter().map(move |routed| {
        let skipped = (routed.token - next) * k;
        next = routed.token + 1;
        let row = left.split_off_mut(..skipped + k).expect("tokens ascend within the batch");
        (&mut row[skipped..], routed.share)
    });
    let add = |((sums, share), result): ((&mut [f32], f32), &[f32])| {
        for (sum, value) in sums.iter_mut().zip(result) {
            *sum += share * value;
        }
    };
    let rows = rows.zip(results.chunks_exact(k));
    if shared { cpu.pool().for_each(rows, add) } else { rows.for_each(add) }
}
