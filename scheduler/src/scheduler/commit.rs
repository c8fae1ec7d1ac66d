//! What a step's result changes: progress, forks, tokens, vectors and ends; or, if it failed, ends only.
//!
//! A block becomes findable here and not before, and only as far as its tokens are known: nothing of a failed step and
//! no proposal that was not drawn is ever shared. A draw whose mask was late leaves the sequence as if its last row had
//! not been in the step.

use super::Scheduler;
use crate::kv_tables::KvTables;
use crate::outbox::Outbox;
use crate::planted_bug::PlantedBug;
use crate::sequence::Sequence;
use crate::{Event, FinishReason, Passes, RowFault, Sample, SequenceVector, StepOutput};

impl Scheduler {
    /// Applies the result of the planned step.
    pub(crate) fn commit(&mut self, output: StepOutput, outbox: &mut Outbox) {
        let mut samples = output.samples.into_iter();
        let (mut scores, mut vectors) = (output.scores.into_iter(), output.vectors.into_iter());
        let mut before = self.swap_running();
        for mut sequence in before.drain(..) {
            let Some(count) = sequence.planned.take() else {
                self.running.push(sequence);
                continue;
            };
            if sequence.pooled {
                self.pool(sequence, count, &mut vectors, outbox);
                continue;
            }
            let teller = self.teller(&sequence);
            let fault = sequence.take_scores(count, teller, &mut scores, outbox);
            if fault.is_none() && is_late(&sequence, count, samples.as_slice()) {
                self.put_off(sequence, count, &mut samples);
                continue;
            }
            let (known, due) = (count - sequence.offered, draws(&sequence, count));
            self.counters.recomputed_tokens += sequence.advance(known, &mut self.ledger) as u64;
            if let Some(reason) = fault {
                samples.by_ref().take(due).for_each(drop);
                self.end(sequence, reason, outbox);
            } else {
                self.settle(sequence, &mut samples, outbox);
            }
        }
        self.spare_running = before;
        self.decide_beams(outbox);
        self.drop_orphans();
        assert!(samples.next().is_none(), "a step gives one sample for each draw");
        assert!(vectors.next().is_none(), "a step gives one vector for each pooled work");
        assert!(scores.next().is_none(), "a step gives one score for each prompt token to score");
    }

    /// Ends every sequence of the planned step, whose KV cannot be trusted. Does nothing if no step is planned.
    pub(crate) fn fail(&mut self, outbox: &mut Outbox) {
        let mut before = self.swap_running();
        for mut sequence in before.drain(..) {
            let planned = sequence.planned.take();
            if planned.is_some() && !self.planted.is(PlantedBug::FailedStepKept) {
                if let Some(count) = planned.filter(|_| self.planted.is(PlantedBug::FailedStepCached)) {
                    sequence.advance(count, &mut self.ledger);
                }
                self.end(sequence, FinishReason::Failed, outbox);
            } else {
                self.running.push(sequence);
            }
        }
        self.spare_running = before;
        self.drop_orphans();
    }

    /// Takes the running sequences out and leaves an empty list with room in its place.
    fn swap_running(&mut self) -> Vec<Sequence> {
        let spare = std::mem::take(&mut self.spare_running);
        std::mem::replace(&mut self.running, spare)
    }

    /// Sees what a sequence that advanced has come to.
    fn settle(&mut self, sequence: Sequence, samples: &mut impl Iterator<Item = Sample>, outbox: &mut Outbox) {
        if sequence.remaining() > 0 {
            self.running.push(sequence);
        } else if sequence.params.max_new == 0 {
            self.end(sequence, FinishReason::Length, outbox);
        } else if sequence.beam.is_some() {
            self.keep_drawn(sequence, samples.next().expect("a step gives one sample for each draw"), outbox);
        } else {
            self.fork(sequence, samples, outbox);
        }
    }

    /// Advances a sequence that draws nothing, and ends it with its vector, or the states of its last tokens, when all of it
    /// is computed.
    fn pool(
        &mut self,
        mut sequence: Sequence,
        count: usize,
        vectors: &mut impl Iterator<Item = SequenceVector>,
        outbox: &mut Outbox,
    ) {
        let tells = sequence.tell_states(count);
        match self.limits.passes {
            Passes::Cached => self.counters.recomputed_tokens += sequence.advance(count, &mut self.ledger) as u64,
            Passes::Whole => sequence.computed += count,
        }
        let is_over = sequence.remaining() <= usize::from(self.planted.is(PlantedBug::PooledTooEarly));
        if !is_over && !tells {
            return self.running.push(sequence);
        }
        let SequenceVector { seq, vector } = vectors.next().expect("a step gives one vector for each pooled work");
        assert_eq!(seq, sequence.id(), "vectors come in plan order");
        let end = match vector {
            Ok(vector) => {
                outbox.events.push(Event::Vector { seq, vector });
                is_over.then_some(FinishReason::Length)
            }
            Err(fault) => Some(FinishReason::RowFailed(fault)),
        };
        let Some(reason) = end else { return self.running.push(sequence) };
        if self.planted.is(PlantedBug::PooledNotReleased) {
            sequence.tables = KvTables::default();
        }
        self.end(sequence, reason, outbox);
    }

    /// Keeps what a sequence computed but its last row, whose draws come again with that row.
    fn put_off(&mut self, mut sequence: Sequence, count: usize, samples: &mut impl Iterator<Item = Sample>) {
        samples.by_ref().take(draws(&sequence, count)).for_each(drop);
        let known = count - std::mem::take(&mut sequence.offered);
        sequence.proposal = None;
        self.counters.recomputed_tokens += sequence.advance(known - 1, &mut self.ledger) as u64;
        sequence.tables.truncate(&mut self.ledger, sequence.computed);
        self.running.push(sequence);
    }

    /// Splits a sequence into its choices and gives each its sample.
    fn fork(&mut self, mut sequence: Sequence, samples: &mut impl Iterator<Item = Sample>, outbox: &mut Outbox) {
        let choices = std::mem::take(&mut sequence.choices);
        let (&last, others) = choices.split_last().expect("a sequence stands for at least one choice");
        for &choice in others {
            let fork = sequence.fork(choice, &mut self.ledger);
            self.extend(fork, samples, outbox);
            if self.planted.is(PlantedBug::SiblingsForgotten) {
                samples.by_ref().take(choices.len() - 1).for_each(drop);
                return sequence.release(&mut self.ledger);
            }
        }
        sequence.choices = choices;
        sequence.choices.retain(|&choice| choice == last);
        self.extend(sequence, samples, outbox);
    }

    /// Gives a sequence what it drew: one token, and one more for each proposal that is the token drawn before it.
    fn extend(&mut self, mut sequence: Sequence, samples: &mut impl Iterator<Item = Sample>, outbox: &mut Outbox) {
        let offered = std::mem::take(&mut sequence.offered);
        let proposal = sequence.proposal.take();
        let (mut accepted, mut end) = (0, None);
        for index in 0..=offered {
            let sample = samples.next().expect("a step gives one sample for each draw");
            assert_eq!(sample.seq, sequence.id(), "samples come in plan order");
            if end.is_some() || accepted < index {
                continue;
            }
            let drawn = sample.token.ok();
            end = sequence.take_in(sample, outbox);
            let Some(proposal) = proposal else { continue };
            let Some(proposed) = proposal.token(&sequence, index) else { continue };
            let right = drawn == Some(proposed);
            sequence.observe(proposal, index, right);
            if index < offered && (right || self.planted.is(PlantedBug::ProposalsUnchecked)) {
                accepted += 1;
            }
            if accepted > index && end.is_none() {
                self.counters.recomputed_tokens += sequence.advance(1, &mut self.ledger) as u64;
            }
        }
        self.counters.speculation.count(offered, accepted);
        sequence.count_predictions(proposal, offered, accepted);
        if let Some(reason) = end {
            return self.end(sequence, reason, outbox);
        }
        if !self.planted.is(PlantedBug::RollbackSkipped) {
            sequence.tables.truncate(&mut self.ledger, sequence.computed);
        }
        self.running.push(sequence);
    }
}

/// How many draws a sequence makes in a step that computes `count` tokens: none unless they are all it knows.
fn draws(sequence: &Sequence, count: usize) -> usize {
    let drawing = sequence.drawing().len();
    let is_drawing = drawing > 0 && sequence.remaining() + sequence.offered == count;
    if is_drawing { drawing + sequence.offered } else { 0 }
}

/// Whether one of the draws of a sequence that computed `count` tokens found its mask not made yet.
fn is_late(sequence: &Sequence, count: usize, samples: &[Sample]) -> bool {
    let is_bound = sequence.params.constraint.is_some();
    let due = samples.get(..draws(sequence, count)).unwrap_or_default();
    is_bound && due.iter().any(|sample| sample.token == Err(RowFault::MaskLate))
}
