//! The part of `schedule` that serves those that run, and preemption.
//!
//! One pass in scheduling order. A decode takes one token; a chunk takes what the pace of the step and the budget leave
//! after one token for each decode behind it, and as much as fits the pool. Only when not even one token fits is somebody preempted: the
//! last in order, never one that is planned already, and never the first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scheduler;
use crate::budget::TokenBudget;
use crate::outbox::Outbox;
use crate::pace;
use crate::planted_bug::PlantedBug;
use crate::sequence::Sequence;
use crate::{KvPool, Passes, SeqId, StepPlan, Work};

impl Scheduler {
    /// Plans the next step into `plan`; it stays empty if nothing can be computed.
    pub(crate) fn schedule(&mut self, held: &BTreeSet<SeqId>, plan: &mut StepPlan, outbox: &mut Outbox) {
        plan.recycle(&mut self.spare_works);
        self.expire(outbox);
        match self.limits.passes {
            Passes::Cached => self.schedule_cached(held, plan, outbox),
            Passes::Whole => self.schedule_whole(outbox.now, held, plan),
        }
        self.counters.steps += u64::from(!plan.is_empty());
    }

    fn schedule_cached(&mut self, held: &BTreeSet<SeqId>, plan: &mut StepPlan, outbox: &mut Outbox) {
        self.running.iter_mut().for_each(|sequence| sequence.count_blocks(outbox.now));
        let mut budget = self.budget(held);
        let preemptions = self.counters.preemptions;
        self.plan_running(outbox.now, held, &mut budget, plan);
        // Whoever was just preempted is first in line, and what it gave up is needed by those that run.
        if self.counters.preemptions == preemptions {
            self.admit(outbox.now, held, &mut budget, plan);
        }
        self.unblock(outbox.now, held, &mut budget, plan);
        if self.counters.preemptions == preemptions || self.planted.is(PlantedBug::ProposalsBesidePreemption) {
            self.draft(&mut budget, plan);
        }
    }

    /// The tokens of the next step: how many of them may be of prompts follows from who runs and who waits.
    fn budget(&self, held: &BTreeSet<SeqId>) -> TokenBudget {
        let (mut streams, mut waiting) = (0, self.waiting.tokens());
        for sequence in &self.running {
            match sequence.remaining() {
                1 => streams += usize::from(!sequence.is_held(held)),
                chunk => waiting += chunk,
            }
        }
        let tokens = self.limits.max_num_batched_tokens;
        TokenBudget::new(tokens, pace::prompt_tokens(streams, waiting, tokens), self.scores(), self.planted)
    }

    /// Prompt tokens that the next step may score: what is left of the draws if everybody who may run in it draws.
    fn scores(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|sequence| sequence.choices.len()).sum();
        let draws = (self.num_running() + waiting).min(self.limits.max_running());
        self.limits.max_samples.saturating_sub(draws)
    }

    fn plan_running(&mut self, now: Duration, held: &BTreeSet<SeqId>, budget: &mut TokenBudget, plan: &mut StepPlan) {
        let mut index = 0;
        while index < self.running.len() {
            let want = self.want(index, held, budget);
            let count = if want > 0 { self.make_room(index, want, held, now) } else { 0 };
            if count > 0 {
                budget.charge_scores(self.running[index].num_scores(count));
                if self.running[index].remaining() == 1 {
                    budget.charge(count);
                } else {
                    budget.charge_prompt(count);
                }
                self.plan_work(index, count, plan.works.len(), plan);
            }
            // A sequence that preempted itself was the last one, so the loop ends either way.
            index += 1;
        }
    }

    /// How many tokens the sequence may compute as far as the budget goes.
    fn want(&self, index: usize, held: &BTreeSet<SeqId>, budget: &TokenBudget) -> usize {
        let sequence = &self.running[index];
        if sequence.is_held(held) && !self.planted.is(PlantedBug::HeldScheduled) {
            return 0;
        }
        if sequence.remaining() == 1 {
            let left_out = self.planted.is(PlantedBug::RunningLeftOut) && index > 0 && index + 1 == self.running.len();
            return usize::from(!left_out && budget.left() > 0);
        }
        let behind = &self.running[index + 1..];
        let decodes = behind.iter().filter(|other| other.remaining() == 1 && !other.is_held(held)).count();
        let reserved = if self.planted.is(PlantedBug::PromptBeforeDecodes) { 0 } else { decodes };
        let reach = sequence.unscored.reach(sequence.computed, budget.scores_left());
        sequence.remaining().min(budget.prompt_left()).min(budget.left().saturating_sub(reserved)).min(reach)
    }

    /// Preempts until at least one token of the sequence fits; 0 if it was itself the last.
    fn make_room(&mut self, index: usize, want: usize, held: &BTreeSet<SeqId>, now: Duration) -> usize {
        loop {
            let sequence = &self.running[index];
            let room = sequence.tables.room(&self.ledger, sequence.computed, want);
            if room > 0 {
                return room;
            }
            let victim = self.victim(index, held);
            self.preempt(victim, now);
            if victim == index {
                return 0;
            }
        }
    }

    /// The last in order from `index` on. A held one keeps its blocks as long as there is another behind `index`.
    fn victim(&self, index: usize, held: &BTreeSet<SeqId>) -> usize {
        if self.planted.is(PlantedBug::OldestPreempted) {
            return index;
        }
        let behind = index + 1..self.running.len();
        behind.clone().rev().find(|&other| !self.running[other].is_held(held)).or(behind.last()).unwrap_or(index)
    }

    /// Takes a sequence's blocks away and queues it again; it will compute all its known tokens anew.
    pub(super) fn preempt(&mut self, index: usize, now: Duration) {
        let mut sequence = self.running.remove(index);
        sequence.release(&mut self.ledger);
        sequence.stats.preemptions += 1;
        sequence.waiting_since = now;
        self.counters.preemptions += 1;
        self.waiting.push_front(sequence);
    }

    /// Adds the next `count` tokens of a running sequence to the plan, as its part number `place`.
    pub(super) fn plan_work(&mut self, index: usize, count: usize, place: usize, plan: &mut StepPlan) {
        let sequence = &mut self.running[index];
        let (start, end) = (sequence.computed, sequence.computed + count);
        plan.copies.extend(sequence.tables.extend(&mut self.ledger, start, end).into_iter().flatten());
        sequence.planned = Some(count);
        let mut work = self.spare_works.pop().unwrap_or_else(|| Work::empty(sequence.id()));
        work.seq = sequence.id();
        work.start = start;
        work.tokens.extend_from_slice(&sequence.tokens[start..end]);
        sequence.tables.lay_out(&mut work);
        work.scores.extend(sequence.scores(count));
        if draws(sequence, end, self.planted.is(PlantedBug::SampleOffByOne)) {
            work.samples.extend(sequence.samples(count - 1));
            if sequence.params.needs_history() {
                work.history.extend_from_slice(&sequence.tokens[..end]);
            }
        }
        work.states_from = sequence.states_from(count);
        let is_last = draws(sequence, end, self.planted.is(PlantedBug::PooledTooEarly));
        work.pooled = work.states_from.is_some() || sequence.pooled && is_last;
        if self.planted.is(PlantedBug::ScoreOffByOne) {
            work.scores.iter_mut().for_each(|spec| spec.token = work.tokens[spec.row]);
        }
        for (pool, blocks) in [(KvPool::Main, &mut work.blocks), (KvPool::Windowed, &mut work.windowed)] {
            if self.planted.is(PlantedBug::WrongBlock(pool)) && blocks.len() > 2 {
                blocks.swap(0, 1);
            }
        }
        if self.planted.is(PlantedBug::CachedBeforeCommit) {
            sequence.computed = end;
            sequence.publish(start, &mut self.ledger);
            sequence.computed = start;
        }
        plan.works.insert(place, work);
    }
}

/// Whether a sequence whose positions up to `end` are computed draws a token, or is pooled.
fn draws(sequence: &Sequence, end: usize, off_by_one: bool) -> bool {
    end + usize::from(off_by_one) >= sequence.tokens.len()
}
