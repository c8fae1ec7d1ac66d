//! One sequence's blocks, in order of position.
//!
//! Invariant: a block that is about to be written is in no other table and cannot be found in the prefix cache.
//! Does not drop blocks by itself: whoever ends or preempts a sequence calls [`BlockTable::release`].

use crate::kv_ledger::{Hit, KvLedger};
use crate::planted_bug::PlantedBug;
use crate::{BlockCopy, BlockId};

/// The blocks of one sequence.
#[derive(Debug, Default)]
pub(crate) struct BlockTable {
    blocks: Vec<BlockId>,
}

impl BlockTable {
    pub(crate) fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// How many of `want` positions from `start` on could be written with the blocks available now.
    pub(crate) fn room(&self, ledger: &KvLedger, start: usize, want: usize) -> usize {
        let copies = usize::from(self.shared_at(ledger, start).is_some());
        let Some(available) = ledger.available().checked_sub(copies) else {
            return 0;
        };
        want.min((self.blocks.len() + available) * ledger.block_size() - start)
    }

    /// Makes positions `start .. end` writable; returns the copy of a shared block that has to happen first.
    ///
    /// Panics if [`Self::room`] was not asked.
    pub(crate) fn extend(&mut self, ledger: &mut KvLedger, start: usize, end: usize) -> Option<BlockCopy> {
        let copy = self.own(ledger, start);
        while self.blocks.len() * ledger.block_size() < end {
            self.blocks.push(ledger.take().expect("room was made"));
        }
        copy
    }

    /// Begins with cached blocks.
    pub(crate) fn begin(&mut self, ledger: &mut KvLedger, hits: &[Hit]) {
        assert!(self.blocks.is_empty(), "only an empty table begins with hits");
        for hit in hits {
            ledger.pool.share(hit.block);
            self.blocks.push(hit.block);
        }
    }

    /// A second table with the same blocks.
    pub(crate) fn fork(&self, ledger: &mut KvLedger) -> Self {
        for &block in &self.blocks {
            ledger.pool.share(block);
        }
        Self { blocks: self.blocks.clone() }
    }

    /// Gives all blocks back, the last one first: the beginning of a text is worth keeping longest.
    pub(crate) fn release(&mut self, ledger: &mut KvLedger) {
        for block in self.blocks.drain(..).rev() {
            ledger.pool.release(block);
        }
    }

    /// Makes the block at `start`, if the table has one, this table's own.
    fn own(&mut self, ledger: &mut KvLedger, start: usize) -> Option<BlockCopy> {
        let index = start / ledger.block_size();
        let Some(from) = self.shared_at(ledger, start) else {
            if let Some(&block) = self.blocks.get(index) {
                ledger.forget(block);
            }
            return None;
        };
        if ledger.pool.planted.is(PlantedBug::CopySkipped) {
            return None;
        }
        let to = ledger.take().expect("room was made");
        ledger.pool.release(from);
        self.blocks[index] = to;
        Some(BlockCopy { from, to })
    }

    /// The block at `start`, if other tables hold it too.
    fn shared_at(&self, ledger: &KvLedger, start: usize) -> Option<BlockId> {
        let block = *self.blocks.get(start / ledger.block_size())?;
        (ledger.pool.references(block) > 1).then_some(block)
    }
}
