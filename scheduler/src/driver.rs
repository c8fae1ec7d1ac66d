//! One turn of the loop: time and held sequences in, one step, events out. Still no thread and no clock.
//!
//! Between turns nothing is half done. An executor that unwinds out of a turn leaves a planned step behind; the next
//! turn treats it as failed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::outbox::Outbox;
use crate::scheduler::Scheduler;
use crate::{Event, Executor, Limits, Reject, SchedulerStats, SeqId, StepOutput, StepPlan, Submission};

/// The scheduler and the executor it drives.
#[derive(Debug)]
pub struct Driver<E> {
    scheduler: Scheduler,
    executor: E,
    plan: StepPlan,
}

/// What one turn did.
#[derive(Debug)]
pub struct Turn<Error> {
    /// In order, for whoever follows the sequences.
    pub events: Vec<Event>,
    /// Tokens handed to the executor; 0 if there was no step.
    pub computed_tokens: usize,
    /// Sequences in the step.
    pub sequences: usize,
    /// Why the step failed, if it did; its sequences are among the events.
    pub error: Option<Error>,
}

impl<E: Executor> Driver<E> {
    /// An idle driver. The executor's cache has `limits.num_blocks` blocks of `limits.block_size` positions.
    pub fn new(limits: Limits, executor: E) -> Self {
        Self { scheduler: Scheduler::new(limits), executor, plan: StepPlan::default() }
    }

    /// Queues all choices of a submission, or none. Panics if it has no choice.
    pub fn submit(&mut self, submission: Submission, now: Duration) -> Result<(), Reject> {
        self.submit_all(vec![submission], now)
    }

    /// Queues submissions that belong together, all of them or none.
    pub fn submit_all(&mut self, submissions: Vec<Submission>, now: Duration) -> Result<(), Reject> {
        self.scheduler.submit(submissions, now)
    }

    /// Why a submission could never run, whatever else does.
    pub fn check_submission(&self, submission: &Submission) -> Result<(), Reject> {
        self.scheduler.check_submission(submission)
    }

    /// Whether the queue takes a prompt of so many tokens now.
    pub fn has_room(&self, prompt: usize) -> bool {
        self.scheduler.check_queue(1, prompt).is_ok()
    }

    /// Ends a sequence and frees its blocks; `None`, and no effect, if it is not known or has ended.
    pub fn abort(&mut self, seq: SeqId, now: Duration) -> Option<Event> {
        self.scheduler.abort(seq, now)
    }

    /// Runs one step, if there is anything to compute. Sequences in `held` keep their blocks and sit it out.
    ///
    /// The clock is read once before the step is planned and once after it.
    pub fn turn(&mut self, now: impl Fn() -> Duration, held: &BTreeSet<SeqId>) -> Turn<E::Error> {
        let mut outbox = Outbox::new(now());
        self.scheduler.fail(&mut outbox);
        self.scheduler.schedule(held, &mut self.plan, &mut outbox);
        let mut error = None;
        if !self.plan.is_empty() {
            let result = self.executor.step(&self.plan);
            outbox.now = now();
            match result {
                Ok(output) => {
                    // Before anything changes: a turn that panics here leaves a step that the next one fails.
                    assert!(answers(&output, &self.plan), "a step gives what its plan asks for, in plan order");
                    self.scheduler.commit(output, &mut outbox);
                }
                Err(failure) => {
                    self.scheduler.fail(&mut outbox);
                    error = Some(failure);
                }
            }
        }
        Turn { events: outbox.events, computed_tokens: self.plan.num_tokens(), sequences: self.plan.works.len(), error }
    }

    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.scheduler.is_idle()
    }

    /// One consistent snapshot.
    pub fn stats(&self) -> SchedulerStats {
        self.scheduler.stats()
    }

    /// The bounds it was made with.
    pub fn limits(&self) -> &Limits {
        self.scheduler.limits()
    }

    /// Panics if an invariant is broken; for tests and debugging, its cost grows with the pool.
    pub fn check(&self) {
        self.scheduler.check();
    }

    /// Whoever runs the steps.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// The state itself, for tests that look inside.
    #[cfg(test)]
    pub(crate) fn scheduler_mut(&mut self) -> &mut Scheduler {
        &mut self.scheduler
    }

    /// Whoever runs the steps.
    pub fn executor_mut(&mut self) -> &mut E {
        &mut self.executor
    }
}

/// Whether the output holds, in the plan's order, one sample for each draw, one score for each token to score and one
/// vector for each pooled work.
fn answers(output: &StepOutput, plan: &StepPlan) -> bool {
    let draws = plan.works.iter().flat_map(|work| &work.samples).map(|spec| spec.seq);
    let pooled = plan.pooled().map(|work| work.seq);
    output.samples.iter().map(|sample| sample.seq).eq(draws)
        && output.scores.len() == plan.num_scores()
        && output.vectors.iter().map(|vector| vector.seq).eq(pooled)
}
