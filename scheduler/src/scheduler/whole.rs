//! `schedule` for models that compute a sequence whole, in one step, and keep nothing of it.
//!
//! Strictly in queue order, as many as the budget and the places hold; only held ones are passed over. A step ends all
//! that it computes, so that nobody runs between steps and nobody is preempted. Nothing is looked up in the prefix cache.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Scheduler;
use crate::planted_bug::PlantedBug;
use crate::sequence::Sequence;
use crate::{SeqId, StepPlan, Work};

impl Scheduler {
    /// Plans the next step out of those that wait.
    pub(super) fn schedule_whole(&mut self, now: Duration, held: &BTreeSet<SeqId>, plan: &mut StepPlan) {
        let mut left = self.limits.max_num_batched_tokens;
        while self.num_running() < self.limits.max_running() {
            let Some(place) = self.waiting.next(now, |sequence| sequence.is_held(held)) else {
                return;
            };
            let mut tokens = self.waiting.at_mut(place).tokens.len();
            if self.planted.is(PlantedBug::WholeCut) {
                tokens = tokens.min(left.max(1));
            }
            if tokens > left && !self.planted.is(PlantedBug::WholeUnbounded) {
                return;
            }
            left = left.saturating_sub(tokens);
            let sequence = self.waiting.remove(place);
            self.plan_whole(sequence, tokens, now, plan);
        }
    }

    /// Adds all tokens of a sequence to the plan.
    fn plan_whole(&mut self, mut sequence: Sequence, tokens: usize, now: Duration, plan: &mut StepPlan) {
        sequence.stats.scheduled = Some(now);
        sequence.planned = Some(tokens);
        self.counters.prompt_tokens += sequence.stats.prompt_tokens as u64;
        let mut work = self.spare_works.pop().unwrap_or_else(|| Work::empty(sequence.id()));
        (work.seq, work.start, work.pooled, work.second) = (sequence.id(), 0, true, sequence.second);
        (work.asked, work.states_from) = (Arc::clone(&sequence.asked), sequence.states_from(tokens));
        work.tokens.extend_from_slice(&sequence.tokens[..tokens]);
        let index = self.running.partition_point(|other| other.order(&sequence).is_lt());
        self.running.insert(index, sequence);
        plan.works.insert(index, work);
    }
}
