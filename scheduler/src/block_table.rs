//! One sequence's blocks of one pool, in order of position: those that something may still see.
//!
//! Invariant: a block that is about to be written is in no other table and cannot be found in the prefix cache.
//! Does not drop blocks by itself: whoever ends or preempts a sequence calls [`BlockTable::release`], whoever advances it
//! [`BlockTable::slide`].

use crate::kv_ledger::{Hit, KvLedger};
use crate::planted_bug::PlantedBug;
use crate::{BlockCopy, BlockId, KvPool};

/// The blocks of one sequence in one pool.
#[derive(Debug, Default)]
pub(crate) struct BlockTable {
    pool: KvPool,
    /// Blocks at the beginning of the text that were given back.
    behind: usize,
    blocks: Vec<BlockId>,
}

impl BlockTable {
    /// An empty one.
    pub(crate) fn new(pool: KvPool) -> Self {
        Self { pool, behind: 0, blocks: Vec::new() }
    }

    /// Whose blocks it holds.
    pub(crate) fn pool(&self) -> KvPool {
        self.pool
    }

    /// Those it holds.
    pub(crate) fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// How many the text has, those that were given back included.
    pub(crate) fn len(&self) -> usize {
        self.behind + self.blocks.len()
    }

    /// How many were given back.
    pub(crate) fn behind(&self) -> usize {
        self.behind
    }

    /// Block `index` of the text, which it holds.
    pub(crate) fn block(&self, index: usize) -> BlockId {
        self.blocks[index - self.behind]
    }

    /// Appends all blocks of the text to `out`; in the place of those that were given back stands the first that was not.
    pub(crate) fn lay_out(&self, out: &mut Vec<BlockId>) {
        out.extend(std::iter::repeat_n(self.blocks[0], self.behind));
        out.extend_from_slice(&self.blocks);
    }

    /// How many of `want` positions from `start` on could be written with the blocks available now.
    pub(crate) fn room(&self, ledger: &KvLedger, start: usize, want: usize) -> usize {
        let copies = usize::from(self.shared_at(ledger, start).is_some());
        let Some(available) = ledger.available(self.pool).checked_sub(copies) else {
            return 0;
        };
        want.min((self.len() + available) * ledger.block_size() - start)
    }

    /// Makes positions `start .. end` writable; returns the copy of a shared block that has to happen first.
    ///
    /// Panics if [`Self::room`] was not asked.
    pub(crate) fn extend(&mut self, ledger: &mut KvLedger, start: usize, end: usize) -> Option<BlockCopy> {
        let copy = self.own(ledger, start);
        while self.len() * ledger.block_size() < end {
            self.blocks.push(ledger.take(self.pool).expect("room was made"));
        }
        copy
    }

    /// Begins with cached blocks, the first `behind` of which it does without.
    pub(crate) fn begin(&mut self, ledger: &mut KvLedger, hits: &[Hit], behind: usize) {
        assert!(self.len() == 0, "only an empty table begins with hits");
        self.behind = behind;
        for hit in &hits[behind..] {
            let block = hit.block_in(self.pool).expect("hits were cut to those of every pool");
            ledger.pool_mut(self.pool).share(block);
            self.blocks.push(block);
        }
    }

    /// A second table with the same blocks.
    pub(crate) fn fork(&self, ledger: &mut KvLedger) -> Self {
        for &block in &self.blocks {
            ledger.pool_mut(self.pool).share(block);
        }
        Self { pool: self.pool, behind: self.behind, blocks: self.blocks.clone() }
    }

    /// Gives the blocks back that nothing sees any more once `computed` positions are computed, the last one first. Their
    /// content can be found as long as it is kept.
    pub(crate) fn slide(&mut self, ledger: &mut KvLedger, computed: usize) {
        if ledger.planted.is(PlantedBug::WindowNeverMoves(self.pool)) {
            return;
        }
        let more = ledger.blocks_behind(self.pool, computed).saturating_sub(self.behind);
        for block in self.blocks.drain(..more).rev() {
            ledger.release(self.pool, block);
        }
        self.behind += more;
    }

    /// Gives the blocks back that none of the first `positions` positions needs.
    pub(crate) fn truncate(&mut self, ledger: &mut KvLedger, positions: usize) {
        let kept = positions.div_ceil(ledger.block_size()) - self.behind;
        for block in self.blocks.drain(kept..).rev() {
            ledger.release(self.pool, block);
        }
    }

    /// Gives all blocks back, the last one first: the beginning of a text is worth keeping longest.
    pub(crate) fn release(&mut self, ledger: &mut KvLedger) {
        self.behind = 0;
        self.truncate(ledger, 0);
    }

    /// Makes the block at `start`, if the table has one, this table's own.
    fn own(&mut self, ledger: &mut KvLedger, start: usize) -> Option<BlockCopy> {
        let index = start / ledger.block_size() - self.behind;
        let Some(from) = self.shared_at(ledger, start) else {
            if let Some(&block) = self.blocks.get(index) {
                ledger.forget(self.pool, block);
            }
            return None;
        };
        if ledger.planted.is(PlantedBug::CopySkipped(self.pool)) {
            return None;
        }
        let to = ledger.take(self.pool).expect("room was made");
        ledger.release(self.pool, from);
        self.blocks[index] = to;
        Some(BlockCopy { pool: self.pool, from, to })
    }

    /// The block at `start`, if other tables hold it too.
    fn shared_at(&self, ledger: &KvLedger, start: usize) -> Option<BlockId> {
        let block = *self.blocks.get(start / ledger.block_size() - self.behind)?;
        (ledger.pool(self.pool).references(block) > 1).then_some(block)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCKS: usize = 8;
    const SIZE: usize = 3;

    #[derive(Clone, Debug)]
    enum Operation {
        Begin,
        Extend(usize, usize),
        Fork(usize),
        Truncate(usize, usize),
        Release(usize),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            1 => Just(Operation::Begin),
            5 => (any::<usize>(), 1..2 * SIZE).prop_map(|(table, count)| Operation::Extend(table, count)),
            2 => any::<usize>().prop_map(Operation::Fork),
            2 => (any::<usize>(), 1..2 * SIZE).prop_map(|(table, count)| Operation::Truncate(table, count)),
            2 => any::<usize>().prop_map(Operation::Release),
        ]
    }

    /// Tables over real slots, each beside the plain list of what it should hold.
    struct World {
        ledger: KvLedger,
        slots: Vec<u64>,
        tables: Vec<(BlockTable, Vec<u64>)>,
        written: u64,
    }

    impl World {
        fn apply(&mut self, operation: &Operation) {
            let count = self.tables.len();
            match *operation {
                Operation::Begin => self.tables.push((BlockTable::default(), Vec::new())),
                Operation::Extend(table, want) if count > 0 => self.extend(table % count, want),
                Operation::Fork(table) if count > 0 => {
                    let (table, plain) = &self.tables[table % count];
                    let fork = (table.fork(&mut self.ledger), plain.clone());
                    self.tables.push(fork);
                }
                Operation::Truncate(table, positions) if count > 0 => {
                    let (table, plain) = &mut self.tables[table % count];
                    plain.truncate(plain.len().saturating_sub(positions).max(table.behind() * SIZE));
                    table.truncate(&mut self.ledger, plain.len());
                }
                Operation::Release(table) if count > 0 => {
                    self.tables.swap_remove(table % count).0.release(&mut self.ledger);
                }
                _ => {}
            }
        }

        fn extend(&mut self, table: usize, want: usize) {
            let (table, plain) = &mut self.tables[table];
            let start = plain.len();
            let room = table.room(&self.ledger, start, want);
            assert!(room > 0 || self.ledger.available(KvPool::Main) <= 1, "only a full pool has no room");
            if room == 0 {
                return;
            }
            if let Some(copy) = table.extend(&mut self.ledger, start, start + room) {
                let from = copy.from.index() * SIZE;
                self.slots.copy_within(from..from + SIZE, copy.to.index() * SIZE);
            }
            for position in start..start + room {
                self.written += 1;
                plain.push(self.written);
                self.slots[table.block(position / SIZE).index() * SIZE + position % SIZE] = self.written;
            }
            table.slide(&mut self.ledger, plain.len());
        }

        fn check(&self) {
            self.ledger.check();
            for (table, plain) in &self.tables {
                assert_eq!(table.len(), plain.len().div_ceil(SIZE), "a table is as long as it must be");
                let held = plain.iter().enumerate().skip(table.behind() * SIZE);
                for (position, value) in held {
                    let slot = table.block(position / SIZE).index() * SIZE + position % SIZE;
                    assert_eq!(self.slots[slot], *value, "a table reads what was written through it");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn tables_read_what_they_wrote_whoever_shares(
            window in prop::option::of(1..3 * SIZE),
            operations in prop::collection::vec(operation(), 1..120),
        ) {
            let ledger = KvLedger::new(BLOCKS, SIZE, window, None);
            let mut world = World { ledger, slots: vec![0; BLOCKS * SIZE], tables: Vec::new(), written: 0 };
            for operation in &operations {
                world.apply(operation);
                world.check();
            }
            while !world.tables.is_empty() {
                world.apply(&Operation::Release(0));
            }
            prop_assert_eq!(world.ledger.counts(KvPool::Main).used, 0);
        }
    }

    #[test]
    fn a_window_that_moves_leaves_what_it_sees() {
        let mut ledger = KvLedger::new(BLOCKS, SIZE, Some(SIZE + 1), None);
        let mut table = BlockTable::default();
        table.extend(&mut ledger, 0, 3 * SIZE);
        let blocks = table.blocks().to_vec();
        table.slide(&mut ledger, 2 * SIZE - 1);
        assert_eq!((table.behind(), table.len()), (0, 3), "the next token sees the last position of the first block");
        table.slide(&mut ledger, 2 * SIZE);
        assert_eq!((table.behind(), table.blocks()), (1, &blocks[1..]));
        let mut laid_out = Vec::new();
        table.lay_out(&mut laid_out);
        assert_eq!(laid_out, [blocks[1], blocks[1], blocks[2]]);
        assert_eq!(ledger.counts(KvPool::Main).free, BLOCKS - 2);
    }
}
