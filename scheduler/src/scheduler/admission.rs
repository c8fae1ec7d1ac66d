//! The part of `schedule` that lets waiting sequences in.
//!
//! Strictly in queue order: the first that does not fit stops the line; only held ones are passed over. One fits if
//! all its known tokens do, beside what running prompts still need, so that a prompt once begun is rarely preempted.
//! With nothing running everything fits, because submit refused what cannot.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scheduler;
use crate::budget::TokenBudget;
use crate::planted_bug::PlantedBug;
use crate::queue::Place;
use crate::sequence::Sequence;
use crate::{SeqId, StepPlan};

impl Scheduler {
    /// Begins waiting sequences until the budget, the pool or the places run out.
    pub(super) fn admit(
        &mut self,
        now: Duration,
        held: &BTreeSet<SeqId>,
        budget: &mut TokenBudget,
        plan: &mut StepPlan,
    ) {
        let mut pending = self.pending_blocks();
        while budget.prompt_left() > 0 {
            let Some(place) = self.waiting.next(now, |sequence| sequence.is_held(held)) else {
                return;
            };
            if !self.fits(place, pending) {
                return;
            }
            let mut sequence = self.waiting.remove(place);
            self.begin(&mut sequence, now);
            let reach = sequence.unscored.reach(sequence.computed, budget.scores_left());
            let count = sequence.remaining().min(budget.prompt_left()).min(reach);
            budget.charge_prompt(count);
            budget.charge_scores(sequence.num_scores(count));
            let index = self.running.partition_point(|other| other.order(&sequence).is_lt());
            self.running.insert(index, sequence);
            let place = self.running[..index].iter().filter(|other| other.planned.is_some()).count();
            self.plan_work(index, count, place, plan);
            pending += self.missing_blocks(&self.running[index]);
        }
    }

    /// Blocks that running sequences need for tokens they know but that are not in this step.
    fn pending_blocks(&self) -> usize {
        self.running.iter().map(|sequence| self.missing_blocks(sequence)).sum()
    }

    /// Blocks that a sequence will take beside those it holds, at one time, before it has computed all it knows.
    fn missing_blocks(&self, sequence: &Sequence) -> usize {
        let (known, table) = (sequence.tokens.len(), &sequence.table);
        self.more_blocks(known, table.len(), table.blocks().len())
    }

    /// The same for `known` tokens of which the first `covered` blocks are there or given back, and `held` are held.
    fn more_blocks(&self, known: usize, covered: usize, held: usize) -> usize {
        let more = self.limits.blocks_for(known) - covered;
        more.min(self.limits.held_blocks_for(known).saturating_sub(held))
    }

    /// Whether the pool and the places hold the sequence beside `pending` blocks; looks its prefix up.
    fn fits(&mut self, place: Place, pending: usize) -> bool {
        let (running, available) = (self.num_running(), self.ledger.available());
        let sequence = self.waiting.at_mut(place);
        if running + sequence.choices.len() > self.limits.max_running() {
            return false;
        }
        self.ledger.find(&mut sequence.chain, &sequence.tokens, &mut self.spare_hits);
        let known = sequence.tokens.len();
        let usable = sequence.usable_positions(self.spare_hits.len() * self.limits.block_size, self.planted);
        self.spare_hits.truncate(self.limits.blocks_for(usable));
        let references = |block| self.ledger.pool.references(block);
        let (found, behind) = (self.spare_hits.len(), self.ledger.blocks_behind(usable));
        let shared = self.spare_hits[behind..].iter().filter(|hit| references(hit.block) > 0).count();
        // The last hit is copied if it is to be written and another table holds it.
        let partial = !usable.is_multiple_of(self.limits.block_size);
        let copies = self.spare_hits.last().is_some_and(|hit| partial && references(hit.block) > 0);
        let held = found - behind;
        let needed = held - shared + self.more_blocks(known, found, held);
        needed + usize::from(copies) + pending <= available
    }

    /// Starts a sequence on the blocks that [`Self::fits`] found.
    fn begin(&mut self, sequence: &mut Sequence, now: Duration) {
        let hits = &self.spare_hits;
        sequence.count_blocks(now);
        sequence.table.begin(&mut self.ledger, hits);
        if !self.planted.is(PlantedBug::StaleComputed) {
            sequence.computed = sequence.usable_positions(hits.len() * self.limits.block_size, self.planted);
        }
        sequence.table.slide(&mut self.ledger, sequence.computed);
        let whole = sequence.computed / self.limits.block_size;
        sequence.chain.reached = hits[..whole].last().map(|hit| hit.entry);
        sequence.furthest = sequence.furthest.max(sequence.computed);
        if sequence.stats.scheduled.replace(sequence.stats.scheduled.unwrap_or(now)).is_none() {
            sequence.stats.cached_tokens = sequence.computed;
            self.counters.prompt_tokens += sequence.stats.prompt_tokens as u64;
            let is_told = sequence.first_untold(self.planted).is_some();
            self.counters.prefix_query_tokens += if is_told { 0 } else { sequence.stats.prompt_tokens as u64 };
            self.counters.prefix_hit_tokens += sequence.computed as u64;
        }
    }
}
