//! So many things cut into parts that differ by one at most: rows into tiles, tiles and panels among threads.

use std::ops::Range;

/// A cut of the things `0..things`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    things: usize,
    count: usize,
}

impl Parts {
    /// `count` parts, or as many as there are things.
    pub(super) fn new(things: usize, count: usize) -> Self {
        Self { things, count: count.min(things) }
    }

    /// As few parts of at most `largest` things as there can be.
    pub(super) fn at_most(things: usize, largest: usize) -> Self {
        Self { things, count: things.div_ceil(largest) }
    }

    /// How many things.
    pub(super) fn things(self) -> usize {
        self.things
    }

    /// How many parts.
    pub(super) fn count(self) -> usize {
        self.count
    }

    /// The things of a part.
    pub(super) fn of(self, part: usize) -> Range<usize> {
        part * self.things / self.count..(part + 1) * self.things / self.count
    }

    /// Things of the largest part.
    pub(super) fn largest(self) -> usize {
        self.things.div_ceil(self.count.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_differ_by_one() {
        for things in 0..40 {
            for size in 1..20 {
                for parts in [Parts::new(things, size), Parts::at_most(things, size)] {
                    let all: Vec<_> = (0..parts.count()).flat_map(|part| parts.of(part)).collect();
                    assert_eq!(all, (0..things).collect::<Vec<_>>());
                    let lengths = || (0..parts.count()).map(|part| parts.of(part).len());
                    assert_eq!(lengths().max().unwrap_or(0), parts.largest());
                    assert!(lengths().all(|length| length + 1 >= parts.largest()));
                }
                assert!(Parts::new(things, size).count() <= size && Parts::at_most(things, size).largest() <= size);
            }
        }
    }
}
