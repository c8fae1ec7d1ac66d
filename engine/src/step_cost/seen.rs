//! What the tokens of a work see in a layer, whose window may end before the first of them.

use scheduler::Work;

/// What the tokens of a work see in a layer.
pub(super) struct Seen {
    /// Positions that at least one of them sees.
    pub(super) positions: u64,
    /// Positions that each of them sees, summed.
    pub(super) pairs: u64,
}

impl Seen {
    pub(super) fn by(work: &Work, window: Option<usize>) -> Self {
        let (start, tokens) = (work.start as u64, work.tokens.len() as u64);
        let all = start + tokens;
        let Some(window) = window.map(|window| window as u64) else {
            return Self { positions: all, pairs: pairs(start, tokens) };
        };
        // The first tokens see all that is before them.
        let growing = window.saturating_sub(start).min(tokens);
        let positions = all.min((tokens + window).saturating_sub(1));
        Self { positions, pairs: pairs(start, growing) + (tokens - growing) * window }
    }
}

/// Pairs of `tokens` tokens behind `start` others, each with itself and all before it.
fn pairs(start: u64, tokens: u64) -> u64 {
    tokens * start + tokens * (tokens + 1) / 2
}

#[cfg(test)]
mod tests {
    use scheduler::SeqId;

    use super::*;

    #[test]
    fn a_window_bounds_what_is_seen() {
        for (start, tokens) in [(0, 3), (0, 20), (5, 1), (5, 10), (30, 1), (30, 4)] {
            let work = Work { start, tokens: vec![0; tokens], ..Work::empty(SeqId(0)) };
            for window in [1, 4, 8, 64] {
                let seen = Seen::by(&work, Some(window));
                let firsts = (start..start + tokens).map(|at| (at + 1).saturating_sub(window));
                let pairs: usize = firsts.clone().zip(start..).map(|(first, at)| at + 1 - first).sum();
                let positions = firsts.min().map(|first| start + tokens - first);
                assert_eq!(
                    (Some(seen.positions as usize), seen.pairs as usize),
                    (positions, pairs),
                    "{start} {tokens} {window}"
                );
            }
        }
    }
}
