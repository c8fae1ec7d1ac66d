//! The part of `schedule` that lets waiting sequences in.
//!
//! Strictly in queue order: the first that does not fit stops the line; only held ones are passed over. One fits if
//! all its known tokens do, beside what running prompts still need, so that a prompt once begun is rarely preempted.
//! With nothing running everything fits, because submit refused what cannot.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scheduler;
use crate::budget::TokenBudget;
use crate::kv_ledger::Hit;
use crate::planted_bug::PlantedBug;
use crate::queue::Place;
use crate::sequence::Sequence;
use crate::{KvPool, SeqId, StepPlan};

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
            let Some(usable) = self.fits(place, &pending) else {
                return;
            };
            let mut sequence = self.waiting.remove(place);
            self.begin(&mut sequence, usable, now);
            let reach = sequence.unscored.reach(sequence.computed, budget.scores_left());
            let count = sequence.remaining().min(budget.prompt_left()).min(reach);
            budget.charge_prompt(count);
            budget.charge_scores(sequence.num_scores(count));
            let index = self.running.partition_point(|other| other.order(&sequence).is_lt());
            self.running.insert(index, sequence);
            let place = self.running[..index].iter().filter(|other| other.planned.is_some()).count();
            self.plan_work(index, count, place, plan);
            self.add_missing_blocks(&self.running[index], &mut pending);
        }
    }

    /// Blocks of each pool that running sequences need for tokens they know but that are not in this step.
    fn pending_blocks(&self) -> [usize; 2] {
        let mut pending = [0; 2];
        for sequence in &self.running {
            self.add_missing_blocks(sequence, &mut pending);
        }
        pending
    }

    /// Adds the blocks that a sequence will take beside those it holds, at one time, before it has computed all it knows.
    fn add_missing_blocks(&self, sequence: &Sequence, pending: &mut [usize; 2]) {
        for table in sequence.tables.iter() {
            let (known, held) = (sequence.tokens.len(), table.blocks().len());
            pending[table.pool().index()] += self.more_blocks(table.pool(), known, (table.len(), held));
        }
    }

    /// The same of a pool, for `known` tokens of which the first `covered` blocks are there or given back, and `held` are held.
    fn more_blocks(&self, pool: KvPool, known: usize, (covered, held): (usize, usize)) -> usize {
        let more = self.limits.blocks_for(known) - covered;
        more.min(self.limits.held_blocks_for(pool, known).saturating_sub(held))
    }

    /// Looks a sequence's prefix up; says how many of its positions are found, if the pools and the places hold it beside
    /// `pending` blocks.
    fn fits(&mut self, place: Place, pending: &[usize; 2]) -> Option<usize> {
        let running = self.num_running();
        let sequence = self.waiting.at_mut(place);
        if running + sequence.choices.len() > self.limits.max_running() {
            return None;
        }
        self.ledger.find(&mut sequence.chain, &sequence.tokens, &mut self.spare_hits);
        let known = sequence.tokens.len();
        let found = sequence.usable_positions(self.spare_hits.len() * self.limits.block_size, self.planted);
        let usable = self.ledger.cut(&mut self.spare_hits, found);
        let needed = |pool| self.needed_blocks(pool, known, usable) + pending[pool.index()];
        self.limits.pools().all(|pool| needed(pool) <= self.ledger.available(pool)).then_some(usable)
    }

    /// Blocks of a pool that `known` tokens take, the first `usable` of which were found.
    fn needed_blocks(&self, pool: KvPool, known: usize, usable: usize) -> usize {
        let blocks = self.ledger.pool(pool);
        let is_used = |hit: &Hit| hit.block_in(pool).is_some_and(|block| blocks.references(block) > 0);
        let (found, behind) = (self.spare_hits.len(), self.ledger.blocks_behind(pool, usable));
        let shared = self.spare_hits[behind..].iter().filter(|hit| is_used(hit)).count();
        // The last hit is copied if it is to be written and another table holds it.
        let partial = !usable.is_multiple_of(self.limits.block_size);
        let copies = self.spare_hits.last().is_some_and(|hit| partial && is_used(hit));
        let held = found - behind;
        held - shared + self.more_blocks(pool, known, (found, held)) + usize::from(copies)
    }

    /// Starts a sequence on the blocks that [`Self::fits`] found, which hold its first `usable` positions.
    fn begin(&mut self, sequence: &mut Sequence, usable: usize, now: Duration) {
        let hits = &self.spare_hits;
        sequence.count_blocks(now);
        sequence.tables.begin(&mut self.ledger, hits, usable);
        if !self.planted.is(PlantedBug::StaleComputed) {
            sequence.computed = usable;
        }
        sequence.tables.slide(&mut self.ledger, sequence.computed);
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
