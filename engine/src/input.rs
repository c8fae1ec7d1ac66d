//! A step's plan as one flat, ragged batch: what every layer reads.

use scheduler::{BlockId, KvPool, StepPlan, Token, Work};

use crate::error::StepError;
use crate::ops::sequences::SequenceRows;

/// The tokens of all works, one after another, and where each sequence stands among them.
#[derive(Debug, Default)]
pub(crate) struct ForwardInput<'a> {
    /// `[tokens]`
    pub(crate) ids: Vec<Token>,
    /// `[tokens]`
    pub(crate) positions: Vec<usize>,
    /// One for each work.
    pub(crate) sequences: Vec<SequenceRows<'a>>,
    /// The same with their blocks of the second pool, if there is one.
    windowed: Vec<SequenceRows<'a>>,
    /// Rows whose logits are wanted, ascending.
    pub(crate) logit_rows: Vec<usize>,
    /// Sequences whose vector is wanted, ascending.
    pub(crate) pooled: Vec<usize>,
    /// Of each of those: from which of its rows on states are wanted in place of a vector, if they are.
    pub(crate) states_from: Vec<Option<usize>>,
    /// Rows whose words are wanted, ascending.
    pub(crate) asked: Vec<usize>,
    /// Of each work: where among its rows a second text begins, if it is a pair.
    pub(crate) seconds: Vec<Option<usize>>,
}

/// Most places of one text whose words are told: each has a score for every token of the vocabulary.
pub const MAX_ASKED: usize = 8;

/// Whose logits a pass returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogitRows {
    /// Each row that is scored or drawn from.
    Sampling,
    /// Every row.
    All,
}

/// What a plan may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) vocab_size: usize,
    /// How many positions are learned, where they are.
    pub(crate) positions: Option<usize>,
    pub(crate) room: Room,
}

/// What bounds the positions of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// The blocks that it names of a pool, and of a second one if there is one.
    Blocks { size: usize, count: usize, windowed: Option<usize> },
    /// It is computed whole and pooled, and has this many tokens at most.
    Tokens(usize),
}

impl<'a> ForwardInput<'a> {
    /// Lays out a plan, checking that it names only what exists.
    pub(crate) fn fill(mut self, plan: &'a StepPlan, rows: LogitRows, bounds: Bounds) -> Result<Self, StepError> {
        for work in &plan.works {
            check(work, bounds)?;
            self.push(work, rows);
        }
        Ok(self)
    }

    /// Nothing, in the same memory.
    pub(crate) fn emptied(mut self) -> ForwardInput<'static> {
        self.ids.clear();
        self.positions.clear();
        self.logit_rows.clear();
        self.pooled.clear();
        self.states_from.clear();
        self.asked.clear();
        self.seconds.clear();
        let (sequences, windowed) = (emptied(self.sequences), emptied(self.windowed));
        let Self { ids, positions, logit_rows, pooled, states_from, asked, seconds, .. } = self;
        ForwardInput { ids, positions, sequences, windowed, logit_rows, pooled, states_from, asked, seconds }
    }

    /// One for each work, with its blocks of this pool.
    pub(crate) fn sequences_in(&self, pool: KvPool) -> &[SequenceRows<'a>] {
        match pool {
            KvPool::Main => &self.sequences,
            KvPool::Windowed => &self.windowed,
        }
    }

    /// Rows of the batch.
    pub(crate) fn num_tokens(&self) -> usize {
        self.ids.len()
    }

    fn push(&mut self, work: &'a Work, rows: LogitRows) {
        let first = self.ids.len();
        self.ids.extend_from_slice(&work.tokens);
        self.positions.extend((work.start..).take(work.tokens.len()));
        let last = self.ids.len();
        match rows {
            LogitRows::All => self.logit_rows.extend(first..last),
            LogitRows::Sampling => {
                self.logit_rows.extend(work.scores.iter().map(|spec| first + spec.row));
                let runs = work.samples.chunk_by(|a, b| a.row == b.row);
                self.logit_rows.extend(runs.map(|draws| first + draws[0].row));
            }
        }
        self.pooled.extend(work.pooled.then_some(self.sequences.len()));
        self.states_from.extend(work.pooled.then_some(work.states_from));
        self.asked.extend(work.asked.iter().map(|row| first + row));
        self.seconds.push(work.second);
        if !work.windowed.is_empty() {
            self.windowed.push(SequenceRows { rows: first..last, start: work.start, blocks: &work.windowed });
        }
        self.sequences.push(SequenceRows { rows: first..last, start: work.start, blocks: &work.blocks });
    }
}

/// No rows, in the same memory.
fn emptied(mut rows: Vec<SequenceRows<'_>>) -> Vec<SequenceRows<'static>> {
    rows.clear();
    rows.into_iter().map(|_| unreachable!("they were cleared")).collect()
}

fn check(work: &Work, bounds: Bounds) -> Result<(), StepError> {
    if work.tokens.is_empty() {
        return Err(StepError::Plan("a work computes no token".to_owned()));
    }
    match bounds.room {
        Room::Blocks { size, count, windowed } => check_blocks(work, size, (count, windowed))?,
        Room::Tokens(most) => check_whole(work, most)?,
    }
    let positions = work.start + work.tokens.len();
    if let Some(most) = bounds.positions.filter(|&most| positions > most) {
        return Err(StepError::Plan(format!("a work reaches {positions} positions of {most}")));
    }
    if let Some(token) = work.tokens.iter().find(|token| **token as usize >= bounds.vocab_size) {
        return Err(StepError::Plan(format!("token {token} of {}", bounds.vocab_size)));
    }
    if let Some(spec) = work.samples.iter().find(|spec| spec.row >= work.tokens.len()) {
        return Err(StepError::Plan(format!("a draw from row {} of {}", spec.row, work.tokens.len())));
    }
    if let Some(from) = work.states_from.filter(|from| !work.pooled || *from >= work.tokens.len()) {
        return Err(StepError::Plan(format!("states from row {from} on of {}", work.tokens.len())));
    }
    if work.asked.len() > MAX_ASKED || work.asked.iter().any(|row| *row >= work.tokens.len()) {
        let (asked, tokens) = (&work.asked, work.tokens.len());
        return Err(StepError::Plan(format!("{asked:?} are not up to {MAX_ASKED} rows of {tokens}")));
    }
    check_scores(work, bounds)
}

fn check_blocks(
    work: &Work,
    block_size: usize,
    (num_blocks, windowed): (usize, Option<usize>),
) -> Result<(), StepError> {
    let positions = work.start + work.tokens.len();
    check_table(&work.blocks, block_size, (num_blocks, positions))?;
    match windowed {
        Some(num_blocks) => check_table(&work.windowed, block_size, (num_blocks, positions)),
        None if work.windowed.is_empty() => Ok(()),
        None => Err(StepError::Plan("a work names blocks of a second pool".to_owned())),
    }
}

fn check_table(table: &[BlockId], block_size: usize, (num_blocks, positions): (usize, usize)) -> Result<(), StepError> {
    let have = table.len() * block_size;
    if have < positions {
        return Err(StepError::Plan(format!("blocks hold {have} positions, the work reaches {positions}")));
    }
    match table.iter().find(|block| block.index() >= num_blocks) {
        Some(block) => Err(StepError::Plan(format!("block {} of {num_blocks}", block.0))),
        None => Ok(()),
    }
}

fn check_whole(work: &Work, most: usize) -> Result<(), StepError> {
    let is_whole = work.start == 0 && work.blocks.is_empty() && work.windowed.is_empty() && work.pooled;
    let draws = !work.samples.is_empty() || !work.scores.is_empty();
    if !is_whole || draws || work.tokens.len() > most {
        let tokens = work.tokens.len();
        return Err(StepError::Plan(format!(
            "{tokens} tokens are not a whole sequence of {most} at most to be pooled"
        )));
    }
    Ok(())
}

/// Scored rows exist, each once, in order and before those that are drawn from; so does what they score.
fn check_scores(work: &Work, bounds: Bounds) -> Result<(), StepError> {
    let drawn = work.samples.first().map_or(work.tokens.len(), |spec| spec.row);
    let rows = work.scores.iter().map(|spec| spec.row);
    if !rows.clone().chain([drawn]).is_sorted_by(|a, b| a < b) {
        return Err(StepError::Plan(format!("{} scores before row {drawn} are not in order", rows.len())));
    }
    if let Some(spec) = work.scores.iter().find(|spec| spec.token as usize >= bounds.vocab_size) {
        return Err(StepError::Plan(format!("a score of token {} of {}", spec.token, bounds.vocab_size)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scheduler::{SampleSpec, SamplingParams, ScoreSpec, SeqId};

    use super::*;

    const BOUNDS: Bounds =
        Bounds { vocab_size: 10, positions: Some(4), room: Room::Blocks { size: 2, count: 8, windowed: None } };

    fn work(start: usize, tokens: &[Token], blocks: &[u32], rows: &[usize]) -> Work {
        let spec = |&row| SampleSpec {
            row,
            seq: SeqId(1),
            choice: 0,
            generated: 0,
            prompt_len: 1,
            params: Arc::new(SamplingParams::default()),
        };
        Work {
            start,
            tokens: tokens.to_vec(),
            blocks: blocks.iter().copied().map(BlockId).collect(),
            samples: rows.iter().map(spec).collect(),
            pooled: rows.is_empty(),
            ..Work::empty(SeqId(1))
        }
    }

    fn scored(work: Work, scores: &[(usize, Token)]) -> Work {
        let spec = |&(row, token)| ScoreSpec { row, token, params: Arc::default() };
        Work { scores: scores.iter().map(spec).collect(), ..work }
    }

    #[test]
    fn works_lie_one_after_another() {
        let works = vec![
            work(3, &[7], &[4, 5], &[0, 0]),
            work(0, &[1, 2, 3], &[6, 0], &[]),
            scored(work(0, &[4, 5, 6], &[1, 2], &[1, 2]), &[(0, 5)]),
            Work { states_from: Some(1), ..work(1, &[8, 9], &[3, 7], &[]) },
        ];
        let plan = StepPlan { copies: Vec::new(), works };
        let input = ForwardInput::default().fill(&plan, LogitRows::Sampling, BOUNDS).unwrap();
        assert_eq!(input.ids, [7, 1, 2, 3, 4, 5, 6, 8, 9]);
        assert_eq!(input.positions, [3, 0, 1, 2, 0, 1, 2, 1, 2]);
        assert_eq!(input.logit_rows, [0, 4, 5, 6]);
        assert_eq!(input.pooled, [1, 3]);
        assert_eq!(input.states_from, [None, Some(1)]);
        assert_eq!(input.sequences[1].rows, 1..4);
        assert_eq!((input.sequences[1].start, input.sequences[1].blocks), (0, [BlockId(6), BlockId(0)].as_slice()));
        let memory = input.sequences.as_ptr().addr();
        let emptied = input.emptied();
        assert_eq!((emptied.num_tokens(), emptied.sequences.len(), emptied.logit_rows.len()), (0, 0, 0));
        assert_eq!(emptied.sequences.as_ptr().addr(), memory, "the memory is kept");
    }

    #[test]
    fn a_plan_that_names_what_does_not_exist_is_refused() {
        for bad in [
            work(0, &[], &[0], &[]),
            work(0, &[1, 2, 3], &[0], &[2]),
            work(0, &[1], &[8], &[0]),
            work(0, &[10], &[0], &[0]),
            work(0, &[1, 2], &[0], &[2]),
            work(3, &[1, 2], &[0, 1, 2], &[1]),
            scored(work(0, &[1, 2], &[0], &[1]), &[(1, 2)]),
            scored(work(0, &[1, 2], &[0], &[]), &[(1, 2), (0, 2)]),
            scored(work(0, &[1, 2], &[0], &[]), &[(2, 2)]),
            scored(work(0, &[1, 2], &[0], &[]), &[(0, 10)]),
            Work { states_from: Some(2), ..work(0, &[1, 2], &[0], &[]) },
            Work { states_from: Some(0), ..work(0, &[1, 2], &[0], &[1]) },
        ] {
            assert!(!is_taken(bad, BOUNDS));
        }
    }

    #[test]
    fn layers_of_a_second_pool_have_tables_of_their_own() {
        let bounds = Bounds { room: Room::Blocks { size: 2, count: 8, windowed: Some(3) }, ..BOUNDS };
        let both = |windowed: &[u32]| Work {
            windowed: windowed.iter().copied().map(BlockId).collect(),
            ..work(1, &[1, 2, 3], &[7, 4], &[2])
        };
        let plan = StepPlan { copies: Vec::new(), works: vec![both(&[2, 2])] };
        let input = ForwardInput::default().fill(&plan, LogitRows::Sampling, bounds).unwrap();
        let [main, windowed] = [KvPool::Main, KvPool::Windowed].map(|pool| &input.sequences_in(pool)[0]);
        assert_eq!((windowed.rows.clone(), windowed.start), (main.rows.clone(), main.start));
        assert_eq!([main.blocks, windowed.blocks], [[BlockId(7), BlockId(4)], [BlockId(2), BlockId(2)]]);
        assert!(input.emptied().sequences_in(KvPool::Windowed).is_empty());
        for bad in [&[][..], &[2], &[2, 3]] {
            assert!(!is_taken(both(bad), bounds));
        }
        assert!(is_taken(both(&[]), BOUNDS) && !is_taken(both(&[2, 2]), BOUNDS));
    }

    fn is_taken(work: Work, bounds: Bounds) -> bool {
        let plan = StepPlan { copies: Vec::new(), works: vec![work] };
        ForwardInput::default().fill(&plan, LogitRows::Sampling, bounds).is_ok()
    }

    #[test]
    fn without_blocks_sequences_are_whole_and_pooled() {
        let bounds = Bounds { room: Room::Tokens(3), ..BOUNDS };
        assert!(is_taken(work(0, &[1, 2, 3], &[], &[]), bounds));
        for bad in [
            work(0, &[1, 2, 3, 4], &[], &[]),
            work(1, &[1], &[], &[]),
            work(0, &[1], &[0], &[]),
            Work { pooled: false, ..work(0, &[1], &[], &[]) },
            Work { asked: [1].into(), ..work(0, &[1], &[], &[]) },
            Work { asked: [0; MAX_ASKED + 1].into(), ..work(0, &[1], &[], &[]) },
            Work { pooled: true, ..work(0, &[1], &[], &[0]) },
        ] {
            assert!(!is_taken(bad, bounds));
        }
    }
}
