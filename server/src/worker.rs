//! The one thread that owns the driver: jobs in, one step after the other, events out.
//!
//! It waits for jobs only while it has no work, for its turn on the cores before every step (the engine also within a long
//! one), and never for a reader: events go out with `try_send`, and a request whose reader is too far behind is cancelled.
//! Unwanted sequences are aborted once it has its turn, so their blocks are free before the next `schedule`. The thread
//! ends when the last sender of jobs is gone.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use scheduler::{Driver, Event, Executor, Reject, SeqId, Submission};
use tokio::sync::{mpsc, oneshot};

use crate::{
    backlog::Backlog, bound::Bound, engine_status::EngineStatus, guarded_executor::GuardedExecutor, quota::Share,
    ticket::Ticket, turns::Seat,
};

/// Events that may wait for one reader: at most about a mebibyte, log-probabilities included, beside the states of tokens that
/// a request may ask for.
pub const EVENTS_PER_REQUEST: usize = 4096;

/// One request for the engine: a submission for each of its prompts, accepted together or not at all.
#[derive(Debug)]
pub struct Job {
    /// One for each prompt; choices are numbered through all of them in order.
    pub submissions: Vec<Submission>,
    /// Most of them that the scheduler knows at once, if the others may come later: then the queue must have room for
    /// the first only.
    pub at_once: Option<usize>,
    /// Tells which choices are still wanted.
    pub ticket: Arc<Ticket>,
    /// Where events go, with the number of their choice.
    pub events: mpsc::Sender<(usize, Event)>,
    /// Whether the job was accepted.
    pub accepted: oneshot::Sender<Result<(), Reject>>,
}

/// Owns the driver. Made on the thread that runs it.
#[derive(Debug)]
pub struct Worker<E: Executor> {
    driver: Driver<GuardedExecutor<E>>,
    jobs: mpsc::Receiver<Job>,
    live: BTreeMap<SeqId, Live>,
    backlogs: Vec<Backlog>,
    status: Arc<EngineStatus>,
    /// Last: what it holds is free when the engine is.
    held: Held,
}

/// What a worker has of what all models share. It is given back in this order when the worker is dropped.
#[derive(Debug)]
pub struct Held {
    /// Its place among those that take turns.
    pub seat: Arc<Seat>,
    /// Its part of the memory, if that is counted.
    pub memory: Option<Share>,
    /// Nothing is ever sent: whoever waits for the worker's end hears that this is gone.
    pub end: oneshot::Sender<Infallible>,
}

/// One sequence and who wants it.
#[derive(Debug)]
struct Live {
    choice: usize,
    ticket: Arc<Ticket>,
    events: mpsc::Sender<(usize, Event)>,
    last_token: Option<Duration>,
    bound: Option<Bound>,
}

impl<E: Executor> Worker<E> {
    /// A worker with nothing to do yet.
    pub fn new(
        driver: Driver<GuardedExecutor<E>>,
        jobs: mpsc::Receiver<Job>,
        status: Arc<EngineStatus>,
        held: Held,
    ) -> Self {
        status.publish(driver.stats());
        Self { driver, jobs, live: BTreeMap::new(), backlogs: Vec::new(), status, held }
    }

    /// Lets the executor use the seat too, which runs on the same thread.
    pub(crate) fn share_seat(&mut self, share: impl FnOnce(&mut E, Arc<Seat>)) {
        share(&mut self.driver.executor_mut().0, Arc::clone(&self.held.seat));
    }

    /// What the rest is told of it.
    pub(crate) fn status(&self) -> &Arc<EngineStatus> {
        &self.status
    }

    /// Runs until the last sender of jobs is gone and all work is done.
    pub fn run(mut self) {
        while self.wait_for_work() {
            self.held.seat.take();
            self.take_jobs();
            self.abort_unwanted();
            self.hand_in_backlogs();
            if !self.driver.is_idle() {
                self.turn();
            }
        }
    }

    /// With no work at hand it waits for the next job, and lets others have the cores. False when there will be none.
    fn wait_for_work(&mut self) -> bool {
        if self.driver.is_idle() && self.backlogs.is_empty() {
            self.held.seat.leave();
            self.status.idle();
            let Some(job) = self.jobs.blocking_recv() else { return false };
            self.accept(job);
        }
        true
    }

    /// Accepts what has come.
    fn take_jobs(&mut self) {
        while let Ok(job) = self.jobs.try_recv() {
            self.accept(job);
        }
        self.status.publish(self.driver.stats());
    }

    fn accept(&mut self, job: Job) {
        let (requests, tokens) = job.demand();
        if !job.ticket.has_left() {
            self.submit(job);
        }
        self.status.publish(self.driver.stats());
        self.status.queue_gate().arrived(requests, tokens);
    }

    fn submit(&mut self, job: Job) {
        let now = self.status.now();
        self.status.working();
        let mut submissions: VecDeque<Submission> = job.submissions.into();
        let later = submissions.split_off(required(submissions.len(), job.at_once));
        if let Some(reject) = later.iter().find_map(|submission| self.driver.check_submission(submission).err()) {
            let _ = job.accepted.send(Err(reject));
            return;
        }
        let submitted: Vec<(SeqId, Option<Bound>)> = submissions.iter().flat_map(Bound::all).collect();
        if let Err(reject) = self.driver.submit_all(submissions.into(), now) {
            let _ = job.accepted.send(Err(reject));
            return;
        }
        let next = submitted.len();
        for (choice, (seq, bound)) in submitted.into_iter().enumerate() {
            let (ticket, events) = (Arc::clone(&job.ticket), job.events.clone());
            self.live.insert(seq, Live { choice, ticket, events, last_token: None, bound });
        }
        let _ = job.accepted.send(Ok(()));
        if let Some(at_once) = job.at_once {
            self.backlogs.push(Backlog { left: later, next, at_once, ticket: job.ticket, events: job.events });
        }
    }

    /// Hands in what waits behind accepted jobs, as far as their shares and the queue go.
    fn hand_in_backlogs(&mut self) {
        let mut backlogs = std::mem::take(&mut self.backlogs);
        for backlog in &mut backlogs {
            let mine = |live: &&Live| Arc::ptr_eq(&live.ticket, &backlog.ticket);
            let under_way = self.live.values().filter(mine).count();
            for _ in under_way..backlog.at_once {
                if !backlog.is_wanted() || !self.hand_in_next(backlog) {
                    break;
                }
            }
        }
        backlogs.retain(Backlog::is_wanted);
        self.backlogs = backlogs;
    }

    /// False if the queue is full.
    fn hand_in_next(&mut self, backlog: &mut Backlog) -> bool {
        if backlog.next_tokens().is_none_or(|tokens| !self.driver.has_room(tokens)) {
            return false;
        }
        let submission = backlog.left.pop_front().expect("it has a length");
        let seq = submission.seqs[0];
        self.driver.submit(submission, self.status.now()).expect("it was checked, and the queue has room");
        let (ticket, events) = (Arc::clone(&backlog.ticket), backlog.events.clone());
        self.live.insert(seq, Live { choice: backlog.next, ticket, events, last_token: None, bound: None });
        backlog.next += 1;
        true
    }

    fn abort_unwanted(&mut self) {
        let now = self.status.now();
        let unwanted: Vec<SeqId> =
            self.live.iter().filter(|(_, live)| live.is_unwanted()).map(|(seq, _)| *seq).collect();
        if unwanted.is_empty() {
            return;
        }
        let ends: Vec<Event> = unwanted.into_iter().filter_map(|seq| self.driver.abort(seq, now)).collect();
        self.status.publish(self.driver.stats());
        for end in ends {
            self.deliver(end);
        }
    }

    fn turn(&mut self) {
        let status = Arc::clone(&self.status);
        let (started, waited) = (status.now(), self.held.seat.waited());
        let late = self.late();
        let turn = self.driver.turn(|| status.now(), &late);
        // Time that others had within the step is no more a part of it than time that they had before it.
        let lent = self.held.seat.waited().saturating_sub(waited);
        let elapsed = status.now().saturating_sub(started + lent);
        if turn.computed_tokens == 0 {
            self.wait_for_one(&late);
        }
        if let Some(error) = &turn.error {
            status.step_failed(error);
        }
        status.stepped(&turn, elapsed, self.driver.stats());
        for event in turn.events {
            self.deliver(event);
        }
    }

    /// Sequences whose mask was late for one step already: they sit out until it is there.
    fn late(&mut self) -> BTreeSet<SeqId> {
        let late = |live: &mut Live| live.bound.as_mut().is_some_and(Bound::was_late);
        self.live.iter_mut().filter_map(|(seq, live)| late(live).then_some(*seq)).collect()
    }

    /// With nothing else to compute, waits until the mask of one late sequence is there; others may use the time.
    fn wait_for_one(&mut self, late: &BTreeSet<SeqId>) {
        let first = late.first().and_then(|seq| self.live.get(seq)).and_then(|live| live.bound.as_ref());
        if let Some(bound) = first {
            self.held.seat.leave();
            bound.wait();
        }
    }

    /// Hands an event to its reader, and forgets the sequence with its last one.
    fn deliver(&mut self, event: Event) {
        let seq = match &event {
            Event::Token { seq, .. }
            | Event::Scores { seq, .. }
            | Event::Beams { seq, .. }
            | Event::Vector { seq, .. }
            | Event::Finished { seq, .. } => *seq,
        };
        if let Event::Beams { beams, .. } = &event {
            let bound = self.live.get(&seq).and_then(|live| live.bound.as_ref());
            return bound.into_iter().for_each(|bound| bound.fork(beams));
        }
        let Some(mut live) = self.live.remove(&seq) else { return };
        let now = self.status.now();
        let metrics = self.status.metrics();
        let is_over = match &event {
            Event::Token { token, .. } => {
                metrics.token(live.last_token, now);
                live.last_token = Some(now);
                if let Some(bound) = &mut live.bound {
                    bound.advance(*token);
                }
                false
            }
            Event::Scores { .. } | Event::Vector { .. } | Event::Beams { .. } => false,
            Event::Finished { reason, stats, .. } => {
                metrics.sequence_ended(*reason, stats);
                self.status.departed(now);
                true
            }
        };
        if live.events.try_send((live.choice, event)).is_err() && !live.ticket.has_left() {
            live.ticket.leave();
            metrics.reader_cut();
        }
        if !is_over {
            self.live.insert(seq, live);
        }
    }
}

impl Job {
    /// Requests and prompt tokens that the queue must have room for.
    pub(crate) fn demand(&self) -> (usize, usize) {
        let submissions = &self.submissions[..required(self.submissions.len(), self.at_once)];
        (submissions.len(), submissions.iter().map(|submission| submission.prompt.len()).sum())
    }
}

/// How many of a job's submissions must be accepted for it to be.
fn required(submissions: usize, at_once: Option<usize>) -> usize {
    if at_once.is_some() { submissions.min(1) } else { submissions }
}

impl Live {
    fn is_unwanted(&self) -> bool {
        self.ticket.is_unwanted(self.choice) || self.events.is_closed()
    }
}
