//! One sequence's block tables: one for each pool that its model's layers use.
//!
//! Invariant: from the step on in which a sequence begins until it gives its blocks back, it has a table of every pool, and all
//! of them are as long. Only how much each of them has behind it differs, by the window of its layers.

use crate::block_table::BlockTable;
use crate::kv_ledger::{Hit, KvLedger};
use crate::{BlockCopy, BlockId, KvPool, Work};

/// The tables of one sequence.
#[derive(Debug, Default)]
pub(crate) struct KvTables {
    main: BlockTable,
    /// Of the second pool, where there is one.
    windowed: Option<BlockTable>,
}

impl KvTables {
    /// The table of a pool, if it has one.
    pub(crate) fn of(&self, pool: KvPool) -> Option<&BlockTable> {
        match pool {
            KvPool::Main => Some(&self.main),
            KvPool::Windowed => self.windowed.as_ref(),
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &BlockTable> {
        [&self.main].into_iter().chain(&self.windowed)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut BlockTable> {
        [&mut self.main].into_iter().chain(&mut self.windowed)
    }

    /// How many blocks they hold together.
    pub(crate) fn held(&self) -> usize {
        self.iter().map(|table| table.blocks().len()).sum()
    }

    /// Block `index` of the text in each pool, which they hold.
    pub(crate) fn blocks(&self, index: usize) -> (BlockId, Option<BlockId>) {
        (self.main.block(index), self.windowed.as_ref().map(|table| table.block(index)))
    }

    /// Writes all blocks of the text into a work.
    pub(crate) fn lay_out(&self, work: &mut Work) {
        work.blocks.clear();
        self.main.lay_out(&mut work.blocks);
        work.windowed.clear();
        if let Some(table) = &self.windowed {
            table.lay_out(&mut work.windowed);
        }
    }

    /// How many of `want` positions from `start` on could be written with the blocks available now, in every pool.
    pub(crate) fn room(&self, ledger: &KvLedger, start: usize, want: usize) -> usize {
        self.iter().fold(want, |want, table| table.room(ledger, start, want))
    }

    /// Makes positions `start .. end` writable; returns the copies of shared blocks that have to happen first.
    ///
    /// Panics if [`Self::room`] was not asked.
    pub(crate) fn extend(&mut self, ledger: &mut KvLedger, start: usize, end: usize) -> [Option<BlockCopy>; 2] {
        let copy = self.main.extend(ledger, start, end);
        [copy, self.windowed.as_mut().and_then(|table| table.extend(ledger, start, end))]
    }

    /// Begins with cached blocks that hold `computed` positions: where a window is seen, with those that it still sees.
    pub(crate) fn begin(&mut self, ledger: &mut KvLedger, hits: &[Hit], computed: usize) {
        self.main.begin(ledger, hits, 0);
        if ledger.has_windowed() {
            let behind = ledger.blocks_behind(KvPool::Windowed, computed);
            let mut table = BlockTable::new(KvPool::Windowed);
            table.begin(ledger, hits, behind);
            self.windowed = Some(table);
        }
    }

    /// Second tables with the same blocks.
    pub(crate) fn fork(&self, ledger: &mut KvLedger) -> Self {
        Self { main: self.main.fork(ledger), windowed: self.windowed.as_ref().map(|table| table.fork(ledger)) }
    }

    /// Gives the blocks back that nothing sees any more once `computed` positions are computed.
    pub(crate) fn slide(&mut self, ledger: &mut KvLedger, computed: usize) {
        self.iter_mut().for_each(|table| table.slide(ledger, computed));
    }

    /// Gives the blocks back that none of the first `positions` positions needs.
    pub(crate) fn truncate(&mut self, ledger: &mut KvLedger, positions: usize) {
        self.iter_mut().for_each(|table| table.truncate(ledger, positions));
    }

    /// Gives all blocks back.
    pub(crate) fn release(&mut self, ledger: &mut KvLedger) {
        self.iter_mut().for_each(|table| table.release(ledger));
        self.windowed = None;
    }
}
