//! Beams among those that run: each is a sequence of its own, scheduled, preempted and accounted like any other.
//!
//! One that has drawn waits, with nothing to compute, until all beams of its request have; then the search decides, and
//! those that live on fork from those they continue. Waiting, it holds blocks: where that leaves nothing to compute at
//! all, the last such beam gives its blocks back and computes them again later.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scheduler;
use crate::beam_group::BeamGroup;
use crate::beam_search::Extension;
use crate::budget::TokenBudget;
use crate::outbox::Outbox;
use crate::planted_bug::PlantedBug;
use crate::sequence::{Choice, Sequence};
use crate::{Event, FinishReason, Sample, SeqId, StepPlan};

impl Scheduler {
    /// Keeps what may follow a beam until the others have drawn too.
    pub(super) fn keep_drawn(&mut self, mut sequence: Sequence, sample: Sample, outbox: &mut Outbox) {
        assert_eq!(sample.seq, sequence.id(), "samples come in plan order");
        if let Err(fault) = sample.token {
            return self.end(sequence, FinishReason::RowFailed(fault), outbox);
        }
        sequence.beam.as_mut().expect("it is a beam").drawn = Some(sample);
        self.running.push(sequence);
    }

    /// Decides how those requests go on whose beams have all drawn.
    pub(super) fn decide_beams(&mut self, outbox: &mut Outbox) {
        let drawn = |arrival| self.running.iter().filter(|it| it.arrival == arrival && it.has_drawn()).count();
        let is_ready = |(arrival, group): (&u64, &BeamGroup)| (drawn(*arrival) == group.living).then_some(*arrival);
        let ready: Vec<u64> = self.beam_groups.iter().filter_map(is_ready).collect();
        for arrival in ready {
            self.decide(arrival, outbox);
        }
    }

    fn decide(&mut self, arrival: u64, outbox: &mut Outbox) {
        let mut group = self.beam_groups.remove(&arrival).expect("a group that is ready is known");
        let first = self.running.iter().position(|it| it.arrival == arrival).expect("its beams run");
        let mut parents: Vec<Sequence> = self.running.drain(first..first + group.living).collect();
        let living = group.advance(&mut parents, outbox.now);
        let stats = parents[0].stats;
        let beams = self.extend_beams(parents, &living, &group.seqs);
        if beams.is_empty() {
            return group.tell_answers(stats, outbox);
        }
        group.living = beams.len();
        group.tell_beams(&living, outbox);
        group.tell_settled(&beams, outbox);
        self.running.splice(first..first, beams);
        self.beam_groups.insert(arrival, group);
    }

    /// Makes the beams that live on of those that were, and gives back what no other holds.
    fn extend_beams(&mut self, parents: Vec<Sequence>, living: &[Extension], seqs: &[SeqId]) -> Vec<Sequence> {
        let mut parents: Vec<Option<Sequence>> = parents.into_iter().map(Some).collect();
        let mut beams = Vec::with_capacity(living.len());
        for (index, extension) in living.iter().enumerate() {
            let choice = Choice { index: index as u32, seq: seqs[index] };
            let continues_again = living[index + 1..].iter().any(|other| other.parent == extension.parent);
            let slot = &mut parents[extension.parent];
            let parent =
                if continues_again { slot.as_ref().map(|it| it.fork(choice, &mut self.ledger)) } else { slot.take() };
            let mut beam = parent.expect("a beam is taken when it is continued for the last time");
            beam.choices = vec![choice];
            beam.extend_beam(extension, self.planted);
            beams.push(beam);
        }
        for mut parent in parents.into_iter().flatten() {
            if !self.planted.is(PlantedBug::DeadBeamKept) {
                parent.release(&mut self.ledger);
            }
        }
        beams
    }

    /// Who tells what all choices of a sequence share.
    pub(super) fn teller(&self, sequence: &Sequence) -> SeqId {
        let answer = self.beam_groups.get(&sequence.arrival).and_then(BeamGroup::first_wanted);
        answer.unwrap_or_else(|| sequence.id())
    }

    /// Ends the request of a beam that ends before the search is over; its other beams are left to [`Self::drop_orphans`].
    pub(super) fn end_beams(&mut self, beam: &Sequence, reason: FinishReason, outbox: &mut Outbox) {
        if let Some(group) = self.beam_groups.remove(&beam.arrival) {
            self.ended_searches.push(beam.arrival);
            group.end(reason, beam.stats, outbox);
        }
    }

    /// Takes out the beams of requests that have ended.
    pub(super) fn drop_orphans(&mut self) {
        for arrival in std::mem::take(&mut self.ended_searches) {
            let is_orphan = |it: &Sequence| it.arrival == arrival;
            let orphans: Vec<Sequence> = self.running.extract_if(.., |it| is_orphan(it)).collect();
            for mut orphan in orphans {
                orphan.release(&mut self.ledger);
            }
            while let Some(place) = self.waiting.position(is_orphan) {
                self.waiting.remove(place);
            }
        }
    }

    /// Ends an answer of a beam search; `None` if there is no such answer (any more).
    pub(super) fn abort_answer(&mut self, seq: SeqId, outbox: &mut Outbox) -> Option<Event> {
        let (&arrival, group) = self.beam_groups.iter_mut().find(|(_, group)| group.wants(seq))?;
        let beam = self.running.iter().chain(self.waiting.iter()).find(|it| it.arrival == arrival);
        group.abort(seq, beam.expect("a request has beams until it ends").stats, outbox);
        if group.is_unwanted() {
            self.beam_groups.remove(&arrival);
            self.ended_searches.push(arrival);
            self.drop_orphans();
        }
        outbox.events.pop()
    }

    /// While nothing can be computed and somebody waits, takes the blocks of the last beam that waits for others.
    pub(super) fn unblock(
        &mut self,
        now: Duration,
        held: &BTreeSet<SeqId>,
        budget: &mut TokenBudget,
        plan: &mut StepPlan,
    ) {
        while plan.is_empty() && self.waiting.next(now, |sequence| sequence.is_held(held)).is_some() {
            let blocks = |it: &Sequence| it.has_drawn() && !it.is_held(held);
            let Some(index) = self.running.iter().rposition(blocks) else { return };
            if self.planted.is(PlantedBug::BeamsBlock) {
                return;
            }
            self.preempt(index, now);
            self.admit(now, held, budget, plan);
        }
    }
}
