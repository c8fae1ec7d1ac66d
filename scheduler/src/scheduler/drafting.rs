//! The part of `schedule` that lets proposals ride on the works that decode.
//!
//! It comes last and takes only what everybody else left of the budget and the pool, and nothing in a step that had to
//! preempt: a proposal never costs another sequence its turn or its blocks.

use super::Scheduler;
use crate::budget::TokenBudget;
use crate::planted_bug::{Planted, PlantedBug};
use crate::proposal::Proposal;
use crate::sequence::Sequence;
use crate::{Speculation, StepPlan, Work};

impl Scheduler {
    /// Looks up what may come next in each sequence that decodes, and adds what is worth computing to its work.
    pub(super) fn draft(&mut self, budget: &mut TokenBudget, plan: &mut StepPlan) {
        let speculation = self.limits.speculation;
        let rows = plan.num_tokens();
        let mut draws = self.limits.max_samples.saturating_sub(plan.num_samples() + plan.num_scores());
        let planned = self.running.iter_mut().filter(|sequence| sequence.planned.is_some());
        for (sequence, work) in planned.zip(&mut plan.works) {
            assert_eq!(sequence.id(), work.seq, "works stand in scheduling order");
            sequence.proposal = look_up(sequence, work, &speculation);
            let over = self.planted.is(PlantedBug::ProposalsNotBudgeted);
            let unbounded = self.planted.is(PlantedBug::DrawsUnbounded);
            let left = if over { usize::MAX } else { budget.left() };
            let left = if unbounded { left } else { left.min(draws) };
            let wanted = worth(sequence, rows, &speculation).min(left);
            let end = work.start + work.tokens.len();
            let count = if wanted > 0 { sequence.tables.room(&self.ledger, end, wanted) } else { 0 };
            if count > 0 {
                let copies = sequence.tables.extend(&mut self.ledger, end, end + count);
                assert_eq!(copies, [None, None], "whoever decodes owns the block it writes");
                propose(sequence, work, count);
                if !over {
                    budget.charge(count);
                }
                draws = draws.saturating_sub(count);
                Self::spoil(self.planted, work, count);
            }
        }
    }

    /// Puts planted bugs into a work of which the last `count` tokens are proposals.
    fn spoil(planted: Planted, work: &mut Work, count: usize) {
        if planted.is(PlantedBug::ProposalsUnseen) {
            let known = work.history.len().saturating_sub(count);
            work.history[known..].fill(0);
        }
        if planted.is(PlantedBug::ProposalsDrawAlike) {
            let first = work.samples[0].generated;
            work.samples.iter_mut().for_each(|spec| spec.generated = first);
        }
    }
}

/// What may come next in a sequence, if it decodes. Masks are made one token at a time, and beams
/// fork after each: neither takes any.
fn look_up(sequence: &Sequence, work: &Work, speculation: &Speculation) -> Option<Proposal> {
    let is_free = sequence.params.constraint.is_none() && sequence.beam.is_none();
    let decodes = work.tokens.len() == 1 && work.samples.len() == 1 && is_free;
    if decodes { Proposal::find(sequence, speculation) } else { None }
}

/// How many proposals pay: never more than the sequence may still say, and no more than the match vouches for.
fn worth(sequence: &Sequence, rows: usize, speculation: &Speculation) -> usize {
    let Some(proposal) = sequence.proposal else { return 0 };
    let matched = proposal.matched();
    let vouched = if matched < speculation.prompt_lookup_max { matched } else { Speculation::MOST_TOKENS };
    let left = (sequence.params.max_new - sequence.generated() - 1).min(proposal.len(sequence));
    sequence.acceptance.worth(rows, speculation.num_speculative_tokens.min(vouched).min(left))
}

/// Adds the first `count` proposals to the work, and a draw for each.
fn propose(sequence: &mut Sequence, work: &mut Work, count: usize) {
    let proposal = sequence.proposal.expect("only what was looked up is proposed");
    let proposed = (0..count).map(|index| proposal.token(sequence, index).expect("a proposal is as long as it says"));
    work.tokens.extend(proposed.clone());
    if !work.history.is_empty() {
        work.history.extend(proposed);
    }
    sequence.tables.lay_out(work);
    for _ in 0..count {
        let before = work.samples.last().expect("whoever decodes draws");
        let next = before.next();
        work.samples.push(next);
    }
    sequence.offered = count;
    sequence.planned = sequence.planned.map(|planned| planned + count);
}
