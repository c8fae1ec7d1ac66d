//! The driver from outside: refusals at their edges, and one small scene for each rule of scheduling.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use scheduler::{
    Driver, Event, Executor, FinishReason, KvPool, Limits, Reject, RowFault, Sample, SamplingParams, SeqId, StepOutput,
    StepPlan, Submission, Token, Turn,
};
use support::LIMITS;

/// What the executor does in its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    Fails,
    Unwinds,
    Faults(SeqId),
}

/// Draws 100 + the number of tokens generated, and keeps the last plan.
struct Counting {
    mood: Mood,
    plan: StepPlan,
}

#[derive(Debug, thiserror::Error)]
#[error("as told")]
struct Told;

impl Executor for Counting {
    type Error = Told;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Told> {
        self.plan = plan.clone();
        assert_ne!(self.mood, Mood::Unwinds, "unwinds as told");
        let draws = plan.works.iter().flat_map(|work| &work.samples);
        let sample = |seq, generated| {
            let fault = self.mood == Mood::Faults(seq);
            let token = if fault { Err(RowFault::NotFinite) } else { Ok(100 + generated as Token) };
            Sample::new(seq, token)
        };
        let samples = draws.map(|spec| sample(spec.seq, spec.generated)).collect();
        if self.mood == Mood::Fails { Err(Told) } else { Ok(StepOutput { samples, ..StepOutput::default() }) }
    }
}

fn driver(limits: Limits) -> Driver<Counting> {
    Driver::new(limits, Counting { mood: Mood::Works, plan: StepPlan::default() })
}

/// One request, named by its first sequence; its prompt counts up from there.
fn request(seqs: std::ops::Range<u64>, prompt: usize, max_new: usize) -> Submission {
    Submission {
        prompt: (0..prompt as Token).map(|token| token + 1000 * seqs.start as Token).collect(),
        seqs: seqs.map(SeqId).collect(),
        prediction: Arc::default(),
        params: Arc::new(SamplingParams { max_new, ..SamplingParams::default() }),
        pooled: false,
        second: None,
        asked: Arc::default(),
        each_token: false,
        priority: 0,
        cache_key: [0; 32],
        queue_deadline: None,
        deadline: None,
    }
}

fn submit(driver: &mut Driver<Counting>, submission: Submission) {
    driver.submit(submission, Duration::ZERO).unwrap();
}

fn turn_at(driver: &mut Driver<Counting>, seconds: u64) -> Turn<Told> {
    let turn = driver.turn(|| Duration::from_secs(seconds), &BTreeSet::new());
    driver.check();
    turn
}

fn turn(driver: &mut Driver<Counting>) -> Turn<Told> {
    turn_at(driver, 0)
}

/// Turns until nothing is left, and all that was told.
fn drain(driver: &mut Driver<Counting>) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..1000 {
        if driver.is_idle() {
            assert_eq!(driver.stats().blocks.used, 0);
            return events;
        }
        events.extend(turn(driver).events);
    }
    panic!("nothing ends");
}

fn reasons(events: &[Event]) -> Vec<(u64, FinishReason)> {
    let finished = |event: &Event| match event {
        Event::Finished { seq, reason, .. } => Some((seq.0, *reason)),
        _ => None,
    };
    events.iter().filter_map(finished).collect()
}

fn tokens(events: &[Event], wanted: u64) -> Vec<Token> {
    let said = |event: &Event| match event {
        Event::Token { seq, token, .. } if seq.0 == wanted => Some(*token),
        _ => None,
    };
    events.iter().filter_map(said).collect()
}

#[test]
fn what_can_never_run_is_refused_at_the_edge() {
    let limits = Limits { num_blocks: 8, ..LIMITS };
    let ask = |submission| driver(limits.clone()).submit(submission, Duration::ZERO);
    assert_eq!(ask(request(1..2, 0, 1)), Err(Reject::Empty));
    assert_eq!(ask(request(1..2, 30, 11)), Err(Reject::TooLong { prompt: 30, new: 11, limit: 40 }));
    assert_eq!(ask(request(1..2, 30, 4)), Err(Reject::NeverFits { pool: KvPool::Main, needed: 9, total: 8 }));
    assert_eq!(ask(request(1..2, 30, 3)), Ok(()), "the last token is never fed back");
    assert_eq!(ask(request(1..6, 3, 3)), Err(Reject::TooManyChoices { choices: 5, limit: 4 }));
    assert_eq!(ask(request(1..5, 3, 3)), Ok(()));
    let endless = ask(request(1..2, 3, usize::MAX)).unwrap_err();
    assert!(endless.to_string().contains("limit 40"), "{endless}");
}

#[test]
fn prompts_that_belong_together_are_queued_all_or_none() {
    let mut driver = driver(LIMITS);
    let job = |first: u64, count: u64, prompt| {
        (first..first + count).map(|seq| request(seq..seq + 1, prompt, 1)).collect::<Vec<_>>()
    };
    driver.submit_all(job(1, 5, 20), Duration::ZERO).expect("an empty queue takes any job");
    let before = driver.stats();
    assert_eq!(before.waiting, 5);
    let refused = driver.submit_all(job(6, 2, 1), Duration::ZERO);
    assert_eq!(refused, Err(Reject::QueueFull { waiting: 5, limit: 3 }));
    drain(&mut driver);
    let mut mixed = job(8, 1, 1);
    mixed.push(request(9..10, 50, 1));
    assert_eq!(driver.submit_all(mixed, Duration::ZERO), Err(Reject::TooLong { prompt: 50, new: 1, limit: 40 }));
    assert!(driver.is_idle(), "not even the first of them");
}

#[test]
fn a_full_queue_refuses_and_changes_nothing() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 20, 1));
    submit(&mut driver, request(2..3, 20, 1));
    let before = driver.stats();
    let refused = driver.submit(request(3..4, 11, 1), Duration::ZERO);
    assert_eq!(refused, Err(Reject::QueueTokensFull { waiting: 40, limit: 50 }));
    assert_eq!(driver.stats(), before);
    submit(&mut driver, request(3..4, 10, 1));
    let refused = driver.submit(request(4..5, 1, 1), Duration::ZERO);
    assert_eq!(refused, Err(Reject::QueueFull { waiting: 3, limit: 3 }));
    assert_eq!(reasons(&drain(&mut driver)).len(), 3);
}

#[test]
fn a_long_prompt_never_stops_a_stream() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 2, 8));
    turn(&mut driver);
    submit(&mut driver, request(2..3, 24, 1));
    for generated in 1..5 {
        let turn = turn(&mut driver);
        assert_eq!(tokens(&turn.events, 1), [100 + generated], "the stream goes on");
        assert!(turn.computed_tokens <= 8 && turn.sequences == 2);
    }
    assert_eq!(reasons(&drain(&mut driver)), [(1, FinishReason::Length)]);
}

#[test]
fn choices_share_their_prompt_and_copy_before_they_write() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..4, 6, 3));
    let first = turn(&mut driver);
    assert_eq!((first.computed_tokens, driver.stats().blocks.used, driver.stats().running), (6, 2, 3));
    turn(&mut driver);
    let plan = &driver.executor().plan;
    assert_eq!((plan.copies.len(), driver.stats().blocks.used), (2, 4), "the last owner writes in place");
    let events = drain(&mut driver);
    assert_eq!(reasons(&events), [1, 2, 3].map(|seq| (seq, FinishReason::Length)));
}

#[test]
fn any_choice_may_leave_before_the_fork() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..4, 12, 2));
    turn(&mut driver);
    assert!(driver.abort(SeqId(1), Duration::ZERO).is_some());
    assert_eq!(driver.abort(SeqId(1), Duration::ZERO), None);
    assert_eq!(reasons(&drain(&mut driver)), [2, 3].map(|seq| (seq, FinishReason::Length)));
}

#[test]
fn an_equal_prompt_computes_one_token() {
    let mut driver = driver(LIMITS);
    let ask = |seq: u64, root: u8| Submission { seqs: vec![SeqId(seq)], cache_key: [root; 32], ..request(7..8, 8, 1) };
    let mut computed = Vec::new();
    for submission in [ask(1, 0), ask(2, 0), ask(3, 1)] {
        submit(&mut driver, submission);
        computed.push(turn(&mut driver).computed_tokens);
    }
    assert_eq!(computed, [8, 1, 8], "another root shares nothing");
    let stats = driver.stats();
    assert_eq!((stats.prefix_query_tokens, stats.prefix_hit_tokens, stats.prompt_tokens), (24, 7, 24));
}

#[test]
fn a_failed_step_ends_its_sequences_and_caches_nothing() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 8, 1));
    driver.executor_mut().mood = Mood::Fails;
    let failed = turn(&mut driver);
    assert!(failed.error.is_some());
    assert_eq!(reasons(&failed.events), [(1, FinishReason::Failed)]);
    assert_eq!(driver.stats().blocks.free, 10);
    driver.executor_mut().mood = Mood::Works;
    submit(&mut driver, Submission { seqs: vec![SeqId(2)], ..request(1..2, 8, 1) });
    assert_eq!(turn(&mut driver).computed_tokens, 8);
}

#[test]
fn a_step_that_unwinds_counts_as_failed() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 8, 4));
    driver.executor_mut().mood = Mood::Unwinds;
    assert!(catch_unwind(AssertUnwindSafe(|| turn(&mut driver))).is_err());
    driver.executor_mut().mood = Mood::Works;
    submit(&mut driver, request(2..3, 8, 1));
    let expected = [(1, FinishReason::Failed), (2, FinishReason::Length)];
    assert_eq!(reasons(&turn(&mut driver).events), expected);
    assert!(driver.is_idle());
}

#[test]
fn a_faulty_row_ends_alone() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 3, 2));
    submit(&mut driver, request(2..3, 3, 2));
    driver.executor_mut().mood = Mood::Faults(SeqId(1));
    assert_eq!(reasons(&turn(&mut driver).events), [(1, FinishReason::RowFailed(RowFault::NotFinite))]);
    assert_eq!(reasons(&drain(&mut driver)), [(2, FinishReason::Length)]);
}

#[test]
fn a_stop_token_ends_without_being_said_once_enough_is_generated() {
    let ask = |min_new| {
        let params = SamplingParams { max_new: 4, min_new, stop_ids: vec![101], ..SamplingParams::default() };
        let mut driver = driver(LIMITS);
        submit(&mut driver, Submission { params: Arc::new(params), ..request(1..2, 3, 0) });
        drain(&mut driver)
    };
    let stopped = ask(1);
    assert_eq!((tokens(&stopped, 1), reasons(&stopped)), (vec![100], vec![(1, FinishReason::Stop(101))]));
    let longer = ask(2);
    assert_eq!((tokens(&longer, 1).len(), reasons(&longer)), (4, vec![(1, FinishReason::Length)]));
}

#[test]
fn nothing_to_generate_computes_the_prompt_only() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 5, 0));
    let turn = turn(&mut driver);
    assert!(driver.executor().plan.works[0].samples.is_empty());
    assert_eq!((turn.computed_tokens, reasons(&turn.events)), (5, vec![(1, FinishReason::Length)]));
}

#[test]
fn deadlines_end_who_waits_and_who_runs() {
    let limits = Limits { max_num_seqs: 1, ..LIMITS };
    let mut driver = driver(limits);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    submit(&mut driver, Submission { deadline: seconds(5), ..request(1..2, 3, 20) });
    submit(&mut driver, Submission { queue_deadline: seconds(2), ..request(2..3, 3, 1) });
    submit(&mut driver, Submission { queue_deadline: seconds(9), ..request(3..4, 3, 1) });
    assert_eq!(reasons(&turn_at(&mut driver, 2).events), [], "a deadline is met on time");
    assert_eq!(reasons(&turn_at(&mut driver, 3).events), [(2, FinishReason::QueueTimeout)]);
    let expected = [(1, FinishReason::Timeout), (3, FinishReason::Length)];
    assert_eq!(reasons(&turn_at(&mut driver, 6).events), expected);
}

#[test]
fn blocks_are_accounted_for_as_long_as_they_are_held() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 4, 3));
    // One block for a second, two for two.
    let events: Vec<Event> = [0, 1, 3].into_iter().flat_map(|seconds| turn_at(&mut driver, seconds).events).collect();
    let Some(Event::Finished { stats, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!((stats.block_time, stats.finished), (Duration::from_secs(5), Duration::from_secs(3)));
}

#[test]
fn blocks_that_choices_share_are_accounted_for_once() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..3, 16, 0));
    // Two blocks for two seconds, between the halves of the prompt.
    let events: Vec<Event> = [0, 2].into_iter().flat_map(|seconds| turn_at(&mut driver, seconds).events).collect();
    let time = |event: &Event| match event {
        Event::Finished { stats, .. } => stats.block_time,
        _ => Duration::ZERO,
    };
    assert_eq!((events.len(), events.iter().map(time).sum::<Duration>()), (2, Duration::from_secs(4)));
}

#[test]
fn a_low_class_waits_a_minute_at_most() {
    let mut driver = driver(Limits { max_num_seqs: 1, ..LIMITS });
    submit(&mut driver, Submission { priority: 1, ..request(1..2, 1, 1) });
    let order: Vec<u64> = (2..10)
        .map(|seq| {
            let now = Duration::from_secs(10 * (seq - 2));
            driver.submit(request(seq..seq + 1, 1, 1), now).unwrap();
            reasons(&turn_at(&mut driver, now.as_secs()).events)[0].0
        })
        .collect();
    assert_eq!(order, [2, 3, 4, 5, 6, 7, 1, 8]);
}

#[test]
fn a_full_pool_preempts_the_last_and_loses_nobody() {
    let mut driver = driver(Limits { num_blocks: 4, ..LIMITS });
    submit(&mut driver, request(1..2, 4, 10));
    submit(&mut driver, request(2..3, 4, 10));
    let events = drain(&mut driver);
    assert_eq!(reasons(&events), [(1, FinishReason::Length), (2, FinishReason::Length)]);
    assert_eq!(tokens(&events, 2), (100..110).collect::<Vec<_>>());
    let preemptions = events.iter().filter_map(|event| match event {
        Event::Finished { stats, .. } => Some(stats.preemptions),
        _ => None,
    });
    let preemptions: Vec<usize> = preemptions.collect();
    assert!(preemptions[0] == 0 && preemptions[1] > 0, "{preemptions:?}");
}

#[test]
fn a_held_sequence_keeps_its_blocks_and_sits_out() {
    let mut driver = driver(LIMITS);
    submit(&mut driver, request(1..2, 4, 3));
    turn(&mut driver);
    let held = BTreeSet::from([SeqId(1)]);
    let turn = driver.turn(|| Duration::ZERO, &held);
    assert_eq!((turn.sequences, turn.events.len(), driver.stats().blocks.used), (0, 0, 1));
    assert_eq!(reasons(&drain(&mut driver)), [(1, FinishReason::Length)]);
}
