//! Who runs, who waits, who holds which block: the state, and its five changes.
//!
//! `submit` and `abort` are here; `schedule`, `commit` and `fail` are in [`planning`], [`admission`], [`drafting`],
//! [`whole`], [`beams`] and [`commit`].
//! Invariants: those that run stand in scheduling order; every accepted sequence ends in exactly one event; tables
//! and ledger agree. Does not run steps: [`crate::Driver`] does.

mod admission;
mod beams;
mod commit;
mod drafting;
mod expiry;
mod planning;
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::beam_group::BeamGroup;
use crate::kv_ledger::{Hit, KvLedger};
use crate::outbox::Outbox;
use crate::planted_bug::{Planted, PlantedBug};
use crate::queue::Queue;
use crate::sequence::Sequence;
use crate::{
    BlockCounts, BlockId, Event, FinishReason, KvPool, Limits, Passes, Reject, SchedulerStats, SeqId, Submission, Work,
};

/// All sequences and all blocks.
#[derive(Debug)]
pub(crate) struct Scheduler {
    limits: Limits,
    /// In scheduling order.
    running: Vec<Sequence>,
    waiting: Queue,
    /// What the beams of a request have in common, by its arrival.
    beam_groups: BTreeMap<u64, BeamGroup>,
    /// Arrivals of beam searches that ended with beams still here.
    ended_searches: Vec<u64>,
    ledger: KvLedger,
    arrivals: u64,
    /// Counters; its gauges are filled in when asked for.
    counters: SchedulerStats,
    /// Parts of old plans, for their buffers.
    spare_works: Vec<Work>,
    spare_hits: Vec<Hit>,
    spare_running: Vec<Sequence>,
    planted: Planted,
}

impl Scheduler {
    pub(crate) fn new(limits: Limits) -> Self {
        let fits = limits.max_model_len <= limits.max_num_batched_tokens;
        assert!(fits || limits.passes == Passes::Cached, "a sequence that is computed whole fits into a step");
        assert!(limits.windowed.is_none() || limits.passes == Passes::Cached, "who keeps nothing has no second pool");
        Self {
            ledger: KvLedger::new(limits.num_blocks, limits.block_size, limits.window, limits.windowed),
            limits,
            running: Vec::new(),
            waiting: Queue::default(),
            beam_groups: BTreeMap::new(),
            ended_searches: Vec::new(),
            arrivals: 0,
            counters: SchedulerStats::default(),
            spare_works: Vec::new(),
            spare_hits: Vec::new(),
            spare_running: Vec::new(),
            planted: Planted::default(),
        }
    }

    /// Queues submissions, all of them or, saying why not, none.
    pub(crate) fn submit(&mut self, submissions: Vec<Submission>, now: Duration) -> Result<(), Reject> {
        for submission in &submissions {
            self.check_submission(submission)?;
        }
        self.check_queue(submissions.len(), submissions.iter().map(|submission| submission.prompt.len()).sum())?;
        for submission in submissions {
            self.queue(submission, now);
        }
        Ok(())
    }

    fn queue(&mut self, submission: Submission, now: Duration) {
        assert!(!submission.seqs.is_empty(), "a submission has at least one choice");
        let params = &submission.params;
        let plain = submission.seqs.len() == 1 && params.max_new == 0 && params.prompt_logprobs.is_none();
        assert!(!submission.pooled || plain, "who is pooled is one choice, neither drawn nor scored");
        let draws = self.limits.passes == Passes::Cached;
        assert!(submission.pooled || draws, "who is computed whole is pooled");
        let is_pair = submission.second.is_some_and(|second| second <= submission.prompt.len());
        assert!(submission.second.is_none() || is_pair && !draws, "a pair is computed whole");
        let are_places = submission.asked.iter().all(|place| *place < submission.prompt.len());
        assert!(submission.asked.is_empty() || are_places && !draws, "places of a text that is computed whole");
        assert!(!submission.each_token || submission.pooled, "whose states are wanted is pooled");
        let with_beams = |width| width == submission.seqs.len() && !submission.pooled;
        assert!(params.beams.is_none_or(|beams| with_beams(beams.width)), "each beam is a sequence that draws");
        if let Some(beams) = params.beams {
            let group = BeamGroup::new(submission.seqs.clone(), Arc::clone(params), beams);
            self.beam_groups.insert(self.arrivals, group);
        }
        let root = if self.planted.is(PlantedBug::RootIgnored) { [0; 32] } else { submission.cache_key };
        self.waiting.push(Sequence::new(Submission { cache_key: root, ..submission }, self.arrivals, now));
        self.arrivals += 1;
    }

    /// Why a submission could never run, whatever else does.
    pub(crate) fn check_submission(&self, submission: &Submission) -> Result<(), Reject> {
        submission.check(&self.limits, self.planted)
    }

    /// Ends a sequence in whatever state it is; `None` if it is not known (any more).
    pub(crate) fn abort(&mut self, seq: SeqId, now: Duration) -> Option<Event> {
        let mut outbox = Outbox::new(now);
        if let Some(event) = self.abort_answer(seq, &mut outbox) {
            return Some(event);
        }
        if let Some(index) = self.find_running(seq) {
            self.abort_running(index, seq, &mut outbox);
        } else {
            self.abort_waiting(seq, &mut outbox)?;
        }
        outbox.events.pop()
    }

    /// Whether nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.len() == 0
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn stats(&self) -> SchedulerStats {
        let [blocks, windowed_blocks] = [KvPool::Main, KvPool::Windowed].map(|pool| self.ledger.counts(pool));
        let error = |blocks: BlockCounts| (blocks.used + blocks.cached + blocks.free).abs_diff(blocks.total);
        SchedulerStats {
            running: self.num_running(),
            waiting: self.waiting.len(),
            waiting_tokens: self.waiting.tokens(),
            blocks,
            windowed_blocks,
            ledger_error: error(blocks) + error(windowed_blocks),
            ..self.counters
        }
    }

    /// Panics if an invariant is broken. O(blocks + tokens).
    pub(crate) fn check(&self) {
        self.ledger.check();
        assert!(self.running.is_sorted_by(|a, b| a.order(b).is_lt()), "running sequences stand in order");
        assert!(self.num_running() <= self.limits.max_running(), "no more run than may");
        self.limits.pools().for_each(|pool| self.check_tables(pool));
        for sequence in &self.running {
            assert_ne!(
                sequence.remaining() > 0,
                sequence.has_drawn(),
                "who runs has something to compute, or has drawn"
            );
        }
        for sequence in self.waiting.iter() {
            assert!(sequence.tables.held() == 0 && sequence.computed == 0, "who waits holds nothing");
        }
        for (arrival, group) in &self.beam_groups {
            let alive = self.running.iter().chain(self.waiting.iter()).filter(|it| it.arrival == *arrival).count();
            assert_eq!(alive, group.living, "a request's beams run or wait");
        }
    }

    /// Panics unless tables hold what they must of a pool, and the pool knows it.
    fn check_tables(&self, pool: KvPool) {
        let mut references = vec![0; self.limits.blocks_in(pool)];
        for sequence in &self.running {
            let positions = sequence.computed + sequence.planned.unwrap_or(0);
            let table = sequence.tables.of(pool).expect("who runs has a table of each pool");
            assert_eq!(table.len(), self.limits.blocks_for(positions), "a table covers what is computed");
            let behind = self.ledger.blocks_behind(pool, sequence.computed);
            assert_eq!(table.behind(), behind, "a table holds what is seen, and nothing behind it");
            let most = self.limits.held_blocks_for(pool, positions);
            assert!(table.blocks().len() <= most, "no table outgrows its bound");
            for block in table.blocks() {
                references[block.index()] += 1;
            }
        }
        for (block, references) in (0..).map(BlockId).zip(references) {
            let known = self.ledger.pool(pool).references(block);
            assert_eq!(known, references, "{block:?} is referenced by its tables");
        }
    }

    /// Those that run, in scheduling order.
    #[cfg(test)]
    pub(crate) fn running(&self) -> &[Sequence] {
        &self.running
    }

    /// Those that wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> &Queue {
        &self.waiting
    }

    /// Puts a bug in force, to see it caught.
    #[cfg(test)]
    pub(crate) fn plant(&mut self, bug: PlantedBug) {
        let planted = Planted { bug: Some(bug) };
        self.planted = planted;
        self.waiting.planted = planted;
        self.ledger.plant(planted);
    }

    /// Replaces the hash of the prefix cache, to see collisions.
    #[cfg(test)]
    pub(crate) fn hash_with(&mut self, key_of: crate::prefix_cache::KeyFunction) {
        self.ledger.cache.key_of = key_of;
    }

    /// Sequences that run, choices that still share one computation counted each.
    fn num_running(&self) -> usize {
        self.running.iter().map(|sequence| sequence.choices.len()).sum()
    }

    /// Whether the queue takes so many prompts of so many tokens in all. An empty one takes any, so that nobody is refused
    /// for ever.
    pub(crate) fn check_queue(&self, prompts: usize, tokens: usize) -> Result<(), Reject> {
        let (waiting, limit) = (self.waiting.len(), self.limits.max_queued_requests);
        if waiting > 0 && waiting + prompts > limit {
            return Err(Reject::QueueFull { waiting, limit });
        }
        let (queued, limit) = (self.waiting.tokens(), self.limits.max_queued_tokens);
        if waiting > 0 && queued + tokens > limit {
            return Err(Reject::QueueTokensFull { waiting: queued, limit });
        }
        Ok(())
    }

    fn find_running(&self, seq: SeqId) -> Option<usize> {
        self.running.iter().position(|sequence| sequence.answers_as(seq))
    }

    fn abort_running(&mut self, index: usize, seq: SeqId, outbox: &mut Outbox) {
        let sequence = &mut self.running[index];
        sequence.count_blocks(outbox.now);
        sequence.remove_choice(seq);
        outbox.finish(seq, FinishReason::Aborted, sequence.account());
        if sequence.choices.is_empty() {
            let mut sequence = self.running.remove(index);
            if !self.planted.is(PlantedBug::LeakOnAbort) {
                sequence.release(&mut self.ledger);
            }
        }
    }

    fn abort_waiting(&mut self, seq: SeqId, outbox: &mut Outbox) -> Option<()> {
        let place = self.waiting.find(seq)?;
        let sequence = self.waiting.at_mut(place);
        sequence.remove_choice(seq);
        outbox.finish(seq, FinishReason::Aborted, sequence.account());
        if sequence.choices.is_empty() {
            self.waiting.remove(place);
        }
        Some(())
    }

    /// Ends a sequence that is out of both lists, and all choices it stands for.
    fn end(&mut self, mut sequence: Sequence, reason: FinishReason, outbox: &mut Outbox) {
        if self.planted.is(PlantedBug::DoubleFree) {
            for table in sequence.tables.iter() {
                table.blocks().iter().for_each(|block| self.ledger.release(table.pool(), *block));
            }
        }
        sequence.count_blocks(outbox.now);
        sequence.release(&mut self.ledger);
        if sequence.beam.is_some() {
            return self.end_beams(&sequence, reason, outbox);
        }
        for choice in std::mem::take(&mut sequence.choices) {
            outbox.finish(choice.seq, reason, sequence.account());
            if self.planted.is(PlantedBug::FinishedTwice) {
                outbox.finish(choice.seq, reason, sequence.account());
            }
        }
    }
}
