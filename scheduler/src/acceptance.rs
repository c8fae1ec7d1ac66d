//! Whether proposals pay for a sequence, by how often they were right of late.
//!
//! Every draw is compared with what was looked up for it, whether it was proposed or not. So a sequence whose text does
//! not repeat itself computes no proposals, and gets them again once it does; nothing has to be tried out.
//!
//! A proposal costs a row; if it is right, it saves its sequence a row of a later step and a share of that step's fixed
//! cost, [`STEP_ROWS`]. Beside few rows that share is large and unlikely proposals pay; beside many it is small, and only
//! nearly certain ones do.

/// What a step costs beside its rows, in rows, at least: mostly the reading of the weights.
const STEP_ROWS: u64 = 3;

/// A share of one.
const ONE: u64 = 1 << 16;

/// Draws that are remembered, more or less.
const MEMORY: u64 = 8;

/// How often proposals of one sequence are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acceptance {
    /// Chance that a proposal is right if those before it are, in parts of [`ONE`].
    rate: u64,
}

impl Acceptance {
    /// Of a sequence that nothing is known about: enough to try a little while nobody else runs.
    pub(crate) const UNKNOWN: Self = Self { rate: ONE * 3 / 8 };

    /// Of a sequence whose client said what would come.
    pub(crate) const PREDICTED: Self = Self { rate: ONE * 7 / 8 };

    /// Takes in whether a draw was what was looked up for it.
    pub(crate) fn observe(&mut self, right: bool) {
        let seen = if right { ONE } else { 0 };
        self.rate = self.rate - self.rate / MEMORY + seen / MEMORY;
    }

    /// How many of `most` proposals pay in a step of `rows` rows.
    pub(crate) fn worth(self, rows: usize, most: usize) -> usize {
        let rows = rows as u64;
        let chances = std::iter::successors(Some(self.rate), |chance| Some(chance * self.rate / ONE));
        chances.take(most).take_while(|chance| chance * (rows + STEP_ROWS) > rows * ONE).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(draws: &[bool]) -> Acceptance {
        let mut acceptance = Acceptance::UNKNOWN;
        for &right in draws {
            acceptance.observe(right);
        }
        acceptance
    }

    #[test]
    fn a_text_that_repeats_itself_gets_all_and_another_gets_none() {
        assert_eq!(after(&[true; 24]).worth(1, 8), 8);
        assert_eq!(after(&[false; 24]).worth(1, 8), 0);
        assert_eq!([after(&[true; 1000]), after(&[false; 1000])].map(|it| it.worth(1, 8)), [8, 0], "it settles");
    }

    #[test]
    fn a_text_that_is_not_known_is_tried_a_little() {
        assert_eq!(Acceptance::UNKNOWN.worth(1, 8), 1);
        assert_eq!(Acceptance::UNKNOWN.worth(8, 8), 0);
        assert_eq!(after(&[false; 4]).worth(1, 8), 0, "and not for long");
    }

    #[test]
    fn a_client_is_believed_until_it_is_wrong() {
        assert_eq!(Acceptance::PREDICTED.worth(1, 8), 8);
        let mut acceptance = Acceptance::PREDICTED;
        (0..10).for_each(|_| acceptance.observe(false));
        assert_eq!(acceptance.worth(1, 8), 0);
    }

    #[test]
    fn a_text_that_changes_is_noticed() {
        let after = |before: bool, since: usize| after(&[vec![before; 100], vec![!before; since]].concat());
        assert!(after(false, 12).worth(1, 8) >= 4);
        assert_eq!(after(true, 12).worth(1, 8), 0);
    }

    #[test]
    fn more_rows_never_get_more_proposals() {
        for hits in 0..40 {
            let acceptance = after(&vec![true; hits]);
            assert!((1..256).map(|rows| acceptance.worth(rows, 16)).is_sorted_by(|a, b| a >= b));
        }
    }
}
