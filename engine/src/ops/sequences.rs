//! Which rows of a flat batch belong to which sequence.

use std::ops::Range;

use scheduler::BlockId;

/// One sequence's rows in a step. A batch lists its sequences in order of their rows, without gaps.
#[derive(Clone, Debug)]
pub struct SequenceRows<'a> {
    /// Rows of the batch, at least one.
    pub rows: Range<usize>,
    /// Position of the first row; the positions before it are in the cache.
    pub start: usize,
    /// The sequence's blocks in order, covering its last row's position.
    pub blocks: &'a [BlockId],
}

/// Panics unless the sequences cover rows `0..rows` in order and their blocks cover their positions.
pub(super) fn check(sequences: &[SequenceRows<'_>], rows: usize, block_size: usize) {
    check_rows(sequences, rows);
    for SequenceRows { rows, start, blocks } in sequences {
        let positions = start + rows.len();
        assert!(positions <= blocks.len() * block_size, "{} blocks hold no {positions} positions", blocks.len());
    }
}

/// Panics unless the sequences cover rows `0..rows` in order.
pub(super) fn check_rows(sequences: &[SequenceRows<'_>], rows: usize) {
    let mut next = 0;
    for SequenceRows { rows, .. } in sequences {
        assert_eq!(rows.start, next, "sequences follow each other without gaps");
        next = rows.end;
    }
    assert_eq!(next, rows, "sequences cover the batch");
}
