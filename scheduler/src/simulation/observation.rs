//! What the checkers see of one turn: who ran and waited before and after it, the plan, the events.
//!
//! Class, arrival and choice come from the world's own books, not from the scheduler.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::oracle::Expected;
use crate::scheduler::Scheduler;
use crate::sequence::Sequence;
use crate::{Event, Limits, SeqId, StepPlan};

/// One accepted sequence, as the world knows it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) class: i32,
    pub(super) arrival: usize,
    pub(super) choice: usize,
    pub(super) prompt_tokens: usize,
    /// Most KV positions it may fill.
    pub(super) peak: usize,
    pub(super) queue_deadline: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) submitted: Duration,
    pub(super) waiting_since: Duration,
    pub(super) preempted: bool,
    pub(super) scheduled: Option<Duration>,
    /// Position of its first work: what it found in the cache.
    pub(super) cached: usize,
    /// Numbers of the states of all its tokens, if these are told as they come.
    pub(super) states: Option<usize>,
    /// None of a beam that is no answer.
    pub(super) expected: Option<Expected>,
    /// Its request is a beam search.
    pub(super) beams: bool,
    /// Whether its end was told in an earlier turn.
    pub(super) ended: bool,
}

impl Known {
    /// Scheduling order of those that run.
    pub(super) fn order(&self) -> (i32, usize, usize) {
        (self.class, self.arrival, self.choice)
    }

    /// Order within a class of those that wait.
    pub(super) fn queue_order(&self) -> (bool, usize, usize) {
        (!self.preempted, self.arrival, self.choice)
    }
}

/// Everything the world knows, by sequence.
pub(super) type Books = BTreeMap<SeqId, Known>;

/// One unit of scheduling, with the choices it stands for.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) seqs: Vec<SeqId>,
    pub(super) remaining: usize,
    pub(super) generated: usize,
    /// It waits for the other beams of its request.
    pub(super) has_drawn: bool,
}

/// Who runs and who waits.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) running: Vec<Member>,
    pub(super) waiting: Vec<Member>,
}

impl View {
    pub(super) fn of(scheduler: &Scheduler) -> Self {
        let member = |sequence: &Sequence| Member {
            seqs: sequence.choices.iter().map(|choice| choice.seq).collect(),
            remaining: sequence.remaining(),
            generated: sequence.generated(),
            has_drawn: sequence.has_drawn(),
        };
        Self {
            running: scheduler.running().iter().map(member).collect(),
            waiting: scheduler.waiting().iter().map(member).collect(),
        }
    }

    pub(super) fn runs(&self, seq: SeqId) -> bool {
        self.running.iter().any(|member| member.seqs.contains(&seq))
    }

    pub(super) fn waits(&self, seq: SeqId) -> bool {
        self.waiting.iter().any(|member| member.seqs.contains(&seq))
    }
}

/// One turn.
pub(super) struct Observation<'a> {
    pub(super) now: Duration,
    pub(super) limits: &'a Limits,
    pub(super) held: &'a BTreeSet<SeqId>,
    pub(super) before: &'a View,
    pub(super) after: &'a View,
    pub(super) plan: &'a StepPlan,
    pub(super) failed: bool,
    pub(super) events: &'a [Event],
}

impl Observation<'_> {
    pub(super) fn is_planned(&self, member: &Member) -> bool {
        self.plan.works.iter().any(|work| member.seqs.contains(&work.seq))
    }

    pub(super) fn is_held(&self, member: &Member) -> bool {
        member.seqs.iter().any(|seq| self.held.contains(seq))
    }

    /// Ran before and waits now.
    pub(super) fn is_preempted(&self, member: &Member) -> bool {
        self.before.runs(member.seqs[0]) && self.after.waits(member.seqs[0])
    }

    /// Ended in this turn without having been in its step.
    pub(super) fn is_expired(&self, member: &Member) -> bool {
        !self.is_planned(member) && !self.after.runs(member.seqs[0]) && !self.after.waits(member.seqs[0])
    }
}
