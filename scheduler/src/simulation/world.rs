//! One run: a scenario, a clock, clients that come, hold and leave, and the driver between them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ended::Ended;
use super::fake_executor::FakeExecutor;
use super::fake_model::VECTOR;
use super::observation::{Books, Known, Observation, View};
use super::outcome::Outcome;
use super::random::{Random, mix};
use super::scenario::Scenario;
use super::{beam_oracle, live, oracle, order, safe, text};
use crate::planted_bug::PlantedBug;
use crate::prefix_cache::BlockKey;
use crate::{Driver, Event, KvPool, Limits, Passes, Reject, SeqId, StepPlan, Submission, Token};

/// Turns within which everything must have ended.
const PATIENCE: usize = 4000;

/// The driver and all that surrounds it.
pub(super) struct World {
    random: Random,
    scenario: Scenario,
    driver: Driver<FakeExecutor>,
    now: Duration,
    turns: usize,
    submitted: usize,
    next_seq: u64,
    held: BTreeSet<SeqId>,
    books: Books,
    ended: Ended,
    /// Most positions ever computed, by sequence.
    furthest: BTreeMap<SeqId, usize>,
    recomputed: usize,
    outcome: Outcome,
}

impl World {
    pub(super) fn from_seed(seed: u64, bug: Option<PlantedBug>) -> Self {
        let mut random = Random::new(seed);
        let scenario = Scenario::new(&mut random);
        let executor = FakeExecutor::new(&scenario.limits, Random::new(random.next()), scenario.fail_percent);
        let mut driver = Driver::new(scenario.limits.clone(), executor);
        if scenario.weak_hash {
            driver.scheduler_mut().hash_with(weak_hash);
        }
        if let Some(bug) = bug {
            driver.scheduler_mut().plant(bug);
        }
        Self {
            random,
            scenario,
            driver,
            now: Duration::ZERO,
            turns: 0,
            submitted: 0,
            next_seq: 0,
            held: BTreeSet::new(),
            books: Books::new(),
            ended: Ended::default(),
            furthest: BTreeMap::new(),
            recomputed: 0,
            outcome: Outcome::default(),
        }
    }

    pub(super) fn has_work(&self) -> bool {
        self.submitted < self.scenario.requests || !self.driver.is_idle()
    }

    /// Clients act, time passes, one step runs, and everybody looks at it.
    pub(super) fn turn(&mut self) {
        self.turns += 1;
        assert!(self.turns < PATIENCE, "nothing ends");
        while self.submitted < self.scenario.requests && self.random.chance(self.scenario.arrival_percent) {
            self.submit();
        }
        if self.next_seq > 0 && self.random.chance(self.scenario.abort_percent) {
            self.abort();
        }
        self.hold();
        self.pass_time();
        self.step();
    }

    /// Everything has ended: nothing may be left.
    pub(super) fn finish(mut self) -> Outcome {
        let stats = self.driver.stats();
        assert_eq!((stats.running, stats.waiting, stats.waiting_tokens), (0, 0, 0), "no leak");
        assert_eq!((stats.blocks.used, stats.windowed_blocks.used), (0, 0), "no leak");
        assert_eq!(stats.recomputed_tokens, self.recomputed as u64, "recomputed tokens are counted");
        let answers = self.books.values().filter(|known| known.expected.is_some()).count();
        assert_eq!(self.ended.len(), answers, "every accepted sequence ended");
        text::check(&self.ended, &self.books);
        self.outcome.count("preemption", stats.preemptions as usize);
        self.outcome.count("prefix hit", stats.prefix_hit_tokens as usize);
        self.outcome.count("recomputed", stats.recomputed_tokens as usize);
        let beside = if self.scenario.limits.windowed.is_some() { stats.recomputed_tokens } else { 0 };
        self.outcome.count("recomputed beside a second pool", beside as usize);
        self.outcome
    }

    fn submit(&mut self) {
        let submission = self.scenario.submission(&mut self.random, self.next_seq, self.now);
        self.next_seq += submission.seqs.len() as u64;
        let before = self.driver.stats();
        let result = self.driver.submit(submission.clone(), self.now);
        check_refusal(&submission, &self.scenario.limits, &result);
        match result {
            Ok(()) => self.note(&submission),
            Err(reject) => {
                assert_eq!(self.driver.stats(), before, "a refusal changes nothing");
                let kind = format!("{reject:?}");
                self.outcome.count(kind.split(' ').next().expect("a name"), 1);
            }
        }
        self.submitted += 1;
        self.driver.check();
    }

    fn note(&mut self, submission: &Submission) {
        let empty = self.scenario.empty_context(submission);
        let answers = submission.params.beams.map(|beams| beam_oracle::expect(submission, empty.clone(), beams));
        for (choice, &seq) in submission.seqs.iter().enumerate() {
            let expected = match &answers {
                Some(answers) => answers.get(choice).cloned(),
                None => Some(oracle::expect(submission, empty.clone(), choice as u32)),
            };
            let known = Known {
                class: submission.priority,
                arrival: self.submitted,
                choice,
                prompt_tokens: submission.prompt.len(),
                peak: Limits::peak_positions(submission.prompt.len(), submission.params.max_new),
                queue_deadline: submission.queue_deadline,
                deadline: submission.deadline,
                submitted: self.now,
                waiting_since: self.now,
                preempted: false,
                scheduled: None,
                cached: 0,
                states: submission.each_token.then_some(VECTOR * submission.prompt.len()),
                expected,
                beams: answers.is_some(),
                ended: false,
            };
            self.books.insert(seq, known);
            self.driver.executor_mut().roots.insert(seq, u64::from(submission.cache_key[0]));
        }
    }

    /// Ends any sequence: waiting, running, ended, refused or never seen. The second time nothing happens.
    fn abort(&mut self) {
        let seq = self.victim();
        self.outcome.count_abort(seq, &View::of(self.driver.scheduler_mut()), &self.books);
        let is_answer = self.books.get(&seq).is_some_and(|known| known.expected.is_some());
        let lives = is_answer && !self.ended.has(seq);
        let event = self.driver.abort(seq, self.now);
        assert_eq!(event.is_some(), lives, "exactly a living sequence can be aborted");
        self.hear(event.as_slice());
        self.driver.check();
        assert_eq!(self.driver.abort(seq, self.now), None, "aborting again has no effect");
    }

    /// One that runs or waits, or just any.
    fn victim(&mut self) -> SeqId {
        let view = View::of(self.driver.scheduler_mut());
        let alive: Vec<SeqId> = view.running.into_iter().chain(view.waiting).flat_map(|member| member.seqs).collect();
        if alive.is_empty() || self.random.chance(30) {
            return SeqId(self.random.within(0, self.next_seq as usize) as u64);
        }
        alive[self.random.within(0, alive.len() - 1)]
    }

    fn hold(&mut self) {
        let random = &mut self.random;
        self.held.retain(|_| random.chance(60));
        if self.submitted == self.scenario.requests && self.turns > PATIENCE / 4 {
            self.held.clear();
        } else if self.next_seq > 0 && random.chance(self.scenario.hold_percent) {
            self.held.insert(SeqId(random.within(0, self.next_seq as usize - 1) as u64));
        }
    }

    fn pass_time(&mut self) {
        let jump = self.random.chance(self.scenario.jump_percent);
        self.now +=
            if jump { Duration::from_secs(70) } else { Duration::from_millis(self.random.within(0, 60) as u64) };
    }

    fn step(&mut self) {
        let (before, blocks) = (View::of(self.driver.scheduler_mut()), self.driver.stats().blocks);
        let (now, reads) = (self.now, Cell::new(0));
        let clock = || now + Duration::from_millis(5 * reads.replace(reads.get() + 1));
        let turn = self.driver.turn(clock, &self.held);
        self.driver.check();
        self.now += Duration::from_millis(5 * (reads.get() - 1));
        let plan = self.driver.executor_mut().last.take().unwrap_or_default();
        assert_eq!((turn.computed_tokens, turn.sequences), (plan.num_tokens(), plan.works.len()));
        let after = View::of(self.driver.scheduler_mut());
        let accepted = count_accepted(&plan, &turn.events);
        let held = self.held.clone();
        self.enter(&plan, &before, now, (turn.error.is_none(), &accepted));
        let seen = Observation {
            now,
            limits: &self.scenario.limits,
            held: &held,
            before: &before,
            after: &after,
            plan: &plan,
            failed: turn.error.is_some(),
            events: &turn.events,
        };
        safe::check(&seen, &self.books);
        live::check(&seen);
        order::check(&seen, &self.books);
        self.outcome.count_preemptions(&seen, &self.books, blocks);
        self.enter_preemptions(&before, &after, now);
        self.outcome.digest = mix(self.outcome.digest, digest(&format!("{plan:?}{:?}", turn.events)));
        self.outcome.count_plan(&plan, &self.books);
        self.outcome.count("accepted proposal", accepted.iter().sum());
        self.hear(&turn.events);
    }

    /// Writes down who was in a step for the first time, and what was computed again.
    fn enter(&mut self, plan: &StepPlan, before: &View, now: Duration, (succeeded, accepted): (bool, &[usize])) {
        for (work, accepted) in plan.works.iter().zip(accepted) {
            let mut members = before.running.iter().chain(&before.waiting);
            let member = members.find(|member| member.seqs.contains(&work.seq)).expect("it was there before");
            let end = work.start + work.tokens.len() - work.proposals() + accepted;
            let furthest = self.furthest.get(&work.seq).copied().unwrap_or(0);
            if succeeded {
                self.recomputed += furthest.clamp(work.start, end) - work.start;
            }
            for seq in &member.seqs {
                let known = self.books.get_mut(seq).expect("only accepted sequences are planned");
                if known.scheduled.is_none() {
                    (known.scheduled, known.cached) = (Some(now), work.start);
                }
                self.furthest.insert(*seq, furthest.max(if succeeded { end } else { work.start }));
            }
        }
    }

    fn enter_preemptions(&mut self, before: &View, after: &View, now: Duration) {
        for seq in after.waiting.iter().flat_map(|member| &member.seqs).filter(|&&seq| before.runs(seq)) {
            let known = self.books.get_mut(seq).expect("only accepted sequences wait");
            (known.preempted, known.waiting_since) = (true, now);
        }
    }

    fn hear(&mut self, events: &[Event]) {
        for event in events {
            self.ended.hear(event, &self.books);
            self.outcome.count_event(event, &self.books, &self.ended, &self.scenario.limits);
            if let Event::Finished { seq, .. } = event {
                self.books.get_mut(seq).expect("it was heard").ended = true;
            }
        }
    }
}

/// What can never run is refused, and what can is not, unless the queue is full.
fn check_refusal(submission: &Submission, limits: &Limits, result: &Result<(), Reject>) {
    let (prompt, new) = (submission.prompt.len(), submission.params.max_new);
    let together = submission.params.beams.map_or(1, |beams| beams.width);
    let (choices, peak) = (submission.seqs.len(), prompt + new.saturating_sub(1));
    let never = prompt == 0
        || prompt + new > limits.max_model_len
        || limits.pools().any(|pool| together * most_blocks(limits, pool, peak) > limits.blocks_in(pool))
        || choices > limits.max_num_seqs
        || choices > limits.max_num_batched_tokens;
    let full = matches!(result, Err(Reject::QueueFull { .. } | Reject::QueueTokensFull { .. }));
    assert!(full || result.is_err() == never, "{result:?} for {prompt} + {new} tokens, {choices} choices, {limits:?}");
    assert!(!(full && never), "what can never run is not told to come again");
}

/// Most blocks of a pool that so many positions take at one time, step by step: those of a step's tokens, and what the first of
/// them sees.
fn most_blocks(limits: &Limits, pool: KvPool, positions: usize) -> usize {
    if limits.passes == Passes::Whole {
        return 0;
    }
    let all = positions.div_ceil(limits.block_size);
    let seen = limits.window_in(pool).map(|window| window - 1 + limits.max_num_batched_tokens);
    seen.map_or(all, |seen| all.min(seen.div_ceil(limits.block_size) + 1))
}

/// How many proposals of each work stand in what it said: all but the last token of a stream that goes on.
fn count_accepted(plan: &StepPlan, events: &[Event]) -> Vec<usize> {
    let said = |seq: SeqId| {
        let token = |event: &&Event| matches!(event, Event::Token { seq: of, .. } if *of == seq);
        events.iter().filter(token).count()
    };
    plan.works.iter().map(|work| said(work.seq).saturating_sub(1).min(work.proposals())).collect()
}

/// A hash with few values, so that keys collide.
fn weak_hash(parent: &BlockKey, tokens: &[Token]) -> BlockKey {
    let sum = tokens.iter().fold(u64::from(parent.0[0]), |sum, &token| mix(sum, u64::from(token)));
    BlockKey([(sum % 5) as u8; 32])
}

fn digest(text: &str) -> u64 {
    text.bytes().fold(0, |sum, byte| mix(sum, u64::from(byte)))
}
