//! What came of a run: a digest of everything, and how often each kind of thing happened. What no seed ever sees, no checker
//! ever checked.

use std::collections::BTreeMap;

use super::ended::Ended;
use super::observation::{Books, Observation, View};
use crate::{BlockCounts, BlockId, Event, FinishReason, Limits, Passes, SeqId, SequenceStats, StepPlan, Work};

/// Equal for equal seeds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) digest: u64,
    pub(super) tally: BTreeMap<String, usize>,
}

impl Outcome {
    pub(super) fn count(&mut self, kind: &str, times: usize) {
        *self.tally.entry(kind.to_owned()).or_default() += times;
    }

    /// Counts the states in which sequences are aborted.
    pub(super) fn count_abort(&mut self, seq: SeqId, view: &View, books: &Books) {
        let preempted = books.get(&seq).is_some_and(|known| known.preempted);
        let running = view.running.iter().find(|member| member.seqs.contains(&seq));
        let state = match running {
            Some(member) if member.seqs.len() > 1 => "abort before the fork",
            Some(member) if member.generated == 0 => "abort in the prompt",
            Some(_) => "abort while decoding",
            None if view.waits(seq) && preempted => "abort when preempted",
            None if view.waits(seq) => "abort while waiting",
            None => "abort after the end",
        };
        self.count(state, 1);
    }

    /// Counts what stands in the plan of a step.
    pub(super) fn count_plan(&mut self, plan: &StepPlan, books: &Books) {
        self.count("copy", plan.copies.len());
        self.count("fork", plan.works.iter().filter(|work| work.samples.len() > 1).count());
        self.count("mixed step", usize::from(is_mixed(plan)));
        let draws = plan.works.iter().any(|work| !work.samples.is_empty());
        self.count("vector beside a draw", if draws { plan.pooled().count() } else { 0 });
        self.count_given_back(plan, books);
        self.count("proposal", plan.works.iter().map(Work::proposals).sum());
    }

    /// Counts works with blocks that were given back: one block stands in their place and in its own.
    fn count_given_back(&mut self, plan: &StepPlan, books: &Books) {
        let is_first_twice = |blocks: &[BlockId]| blocks.len() > 1 && blocks[0] == blocks[1];
        for (work, kind, _) in plan.works.iter().flat_map(tables).filter(|(.., blocks)| is_first_twice(blocks)) {
            let known = &books[&work.seq];
            let (hit, several) = (known.cached > 0, known.beams || known.choice > 0);
            self.count(&format!("{kind} given back"), 1);
            self.count(&format!("{kind} given back after a prefix hit"), usize::from(hit));
            self.count(&format!("{kind} given back by one of several"), usize::from(several));
            self.count(&format!("{kind} given back after a preemption"), usize::from(known.preempted));
        }
    }

    /// Counts preemptions beside a second pool, and beginnings after them. `blocks` are those of the first pool before the turn:
    /// if they are enough for all who run, the second pool is what preempts.
    pub(super) fn count_preemptions(&mut self, seen: &Observation, books: &Books, blocks: BlockCounts) {
        if seen.limits.windowed.is_none() {
            return;
        }
        let running = &seen.before.running;
        let victims = running.iter().filter(|member| seen.is_preempted(member) && !member.has_drawn).count();
        let most = |remaining: usize| remaining.min(seen.limits.max_num_batched_tokens);
        // And one for the copy of a block that is shared.
        let wanted: usize = running.iter().map(|it| most(it.remaining).div_ceil(seen.limits.block_size) + 1).sum();
        let is_enough = blocks.free + blocks.cached >= wanted;
        let again = |work: &&Work| work.start > 0 && seen.before.waits(work.seq) && books[&work.seq].preempted;
        self.count("preemption beside a second pool", victims);
        self.count("preemption for want of windowed blocks", if is_enough { victims } else { 0 });
        self.count("prefix hit after a preemption beside a second pool", seen.plan.works.iter().filter(again).count());
    }

    /// Counts what a turn told.
    pub(super) fn count_event(&mut self, event: &Event, books: &Books, ended: &Ended, limits: &Limits) {
        match event {
            Event::Scores { seq, scores } => {
                let known = &books[seq];
                self.count("score", scores.len());
                self.count("scores in pieces", usize::from(scores.len() + 1 < known.prompt_tokens));
                self.count("scores after a preemption", usize::from(known.preempted));
            }
            Event::Vector { seq, vector } => {
                let known = &books[seq];
                let is_piece = known.states.is_some_and(|all| vector.len() < all);
                let is_after = known.states.is_some() && known.preempted;
                let is_beside = is_after && limits.windowed.is_some();
                self.count("states in pieces", usize::from(is_piece));
                self.count("states after a preemption", usize::from(is_after));
                self.count("states after a preemption beside a second pool", usize::from(is_beside));
            }
            Event::Finished { seq, reason, stats } => {
                self.count_beams(books, (*seq, *reason), stats);
                self.count_end(*reason, stats, ended.vector(*seq).is_some(), limits.passes == Passes::Whole);
            }
            Event::Token { .. } | Event::Beams { .. } => {}
        }
    }

    fn count_end(&mut self, reason: FinishReason, stats: &SequenceStats, has_vector: bool, is_whole: bool) {
        let kind = format!("{reason:?}");
        self.count(kind.split('(').next().expect("a name"), 1);
        let all = stats.cached_tokens + 1 == stats.prompt_tokens && stats.cached_tokens > 0;
        self.count("whole prompt hit", usize::from(all));
        self.count("accepted prediction", stats.accepted_predictions);
        self.count("rejected prediction", stats.rejected_predictions);
        self.count("vector", usize::from(has_vector));
        self.count("vectors of whole sequences", usize::from(has_vector && is_whole));
        self.count("vector after preemption", usize::from(has_vector && stats.preemptions > 0));
        self.count("vector after a prefix hit", usize::from(has_vector && stats.cached_tokens > 0));
    }

    fn count_beams(&mut self, books: &Books, (seq, reason): (SeqId, FinishReason), stats: &SequenceStats) {
        let known = &books[&seq];
        if !known.beams || !matches!(reason, FinishReason::Stop(_) | FinishReason::Length) {
            return;
        }
        let kind = if reason == FinishReason::Length { "to its end" } else { "stopped" };
        let several = usize::from(known.choice > 0);
        self.count(&format!("beam search {kind}"), 1);
        self.count("beam search after a preemption", usize::from(stats.preemptions > 0));
        self.count("answer of several", several);
    }
}

/// A work's tables, by name.
fn tables(work: &Work) -> [(&Work, &str, &[BlockId]); 2] {
    [(work, "block", &work.blocks), (work, "windowed block", &work.windowed)]
}

/// Whether prompt chunks and decodes share a step.
fn is_mixed(plan: &StepPlan) -> bool {
    plan.works.iter().any(|work| work.tokens.len() > 1) && plan.works.iter().any(|work| work.tokens.len() == 1)
}
