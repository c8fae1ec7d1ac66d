//! Sequences that end with a vector in place of an answer, beside those that draw.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use scheduler::{
    Driver, Executor, FinishReason, Limits, Passes, Reject, RowFault, Sample, SampleSpec, SamplingParams, SeqId,
    SequenceVector, StepOutput, StepPlan, Submission, Token, Work,
};
use support::{LIMITS, Never, run, submission};

/// The vector is the work's last token and how far the work reaches, and so is the state of each token that is wanted; a
/// sequence of id 13 has none.
#[derive(Default)]
struct LastToken {
    plans: Vec<StepPlan>,
}

impl Executor for LastToken {
    type Error = Never;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Never> {
        self.plans.push(plan.clone());
        let draw = |spec: &SampleSpec| Sample::new(spec.seq, Ok(7));
        let vector = |work: &Work| {
            let rows = work.states_from.unwrap_or(work.tokens.len() - 1)..work.tokens.len();
            let numbers = rows.flat_map(|row| [work.tokens[row] as f32, (work.start + row + 1) as f32]).collect();
            let fault = work.seq == SeqId(13);
            SequenceVector { seq: work.seq, vector: if fault { Err(RowFault::NotFinite) } else { Ok(numbers) } }
        };
        Ok(StepOutput {
            samples: plan.works.iter().flat_map(|work| &work.samples).map(draw).collect(),
            vectors: plan.pooled().map(vector).collect(),
            ..StepOutput::default()
        })
    }
}

fn pooled(seq: u64, prompt: usize) -> Submission {
    let tokens = (0..prompt as Token).map(|token| token + 1000 * seq as Token).collect();
    let params = SamplingParams { max_new: 0, ..SamplingParams::default() };
    Submission { pooled: true, ..submission(vec![SeqId(seq)], tokens, params) }
}

/// The states of a pooled prompt.
fn states(seq: u64, prompt: usize) -> Vec<f32> {
    (0..prompt).flat_map(|at| [(at + 1000 * seq as usize) as f32, (at + 1) as f32]).collect()
}

fn drawing(seq: u64, prompt: usize, max_new: usize) -> Submission {
    let tokens = (0..prompt as Token).collect();
    submission(vec![SeqId(seq)], tokens, SamplingParams { max_new, ..SamplingParams::default() })
}

#[test]
fn a_vector_comes_once_when_all_chunks_are_computed_and_nothing_is_drawn() {
    let mut driver = Driver::new(LIMITS, LastToken::default());
    driver.submit(pooled(1, 20), Duration::ZERO).unwrap();
    driver.submit(drawing(2, 3, 5), Duration::ZERO).unwrap();
    driver.submit(pooled(3, 1), Duration::ZERO).unwrap();
    let ends = run(&mut driver);
    assert_eq!(ends.vectors[&SeqId(1)], [1019.0, 20.0]);
    assert_eq!(ends.vectors[&SeqId(3)], [3000.0, 1.0]);
    assert_eq!(ends.texts.keys().collect::<Vec<_>>(), [&SeqId(2)]);
    assert!(ends.reasons.values().all(|reason| *reason == FinishReason::Length));
    let stats = ends.stats[&SeqId(1)];
    assert_eq!((stats.generated_tokens, stats.first_token), (0, None));
    let marked: usize = driver.executor().plans.iter().map(|plan| plan.pooled().count()).sum();
    assert_eq!(marked, 2, "not in the middle of a prompt");
}

#[test]
fn a_vector_that_is_no_number_fails_its_own_sequence_alone() {
    let mut driver = Driver::new(LIMITS, LastToken::default());
    driver.submit(pooled(13, 2), Duration::ZERO).unwrap();
    driver.submit(pooled(1, 2), Duration::ZERO).unwrap();
    let ends = run(&mut driver);
    assert_eq!(ends.reasons[&SeqId(13)], FinishReason::RowFailed(RowFault::NotFinite));
    assert_eq!(ends.vectors.keys().collect::<Vec<_>>(), [&SeqId(1)]);
}

#[test]
fn a_whole_prompt_in_the_cache_still_computes_its_last_token() {
    let mut driver = Driver::new(LIMITS, LastToken::default());
    let mut vectors = Vec::new();
    for seq in [1, 2] {
        let asked = Submission { seqs: vec![SeqId(seq)], ..pooled(9, 8) };
        driver.submit(asked, Duration::ZERO).unwrap();
        let mut ends = run(&mut driver);
        assert_eq!(ends.stats[&SeqId(seq)].cached_tokens, if seq == 2 { 7 } else { 0 });
        vectors.extend(ends.vectors.remove(&SeqId(seq)));
    }
    assert_eq!(vectors[0], vectors[1]);
}

#[test]
fn states_are_told_as_they_are_computed_and_each_once() {
    let limits = Limits { max_num_batched_tokens: 2, ..LIMITS };
    let mut driver = Driver::new(limits, LastToken::default());
    driver.submit(drawing(1, 4, 30), Duration::ZERO).unwrap();
    driver.submit(Submission { each_token: true, ..pooled(2, 28) }, Duration::ZERO).unwrap();
    let ends = run(&mut driver);
    assert_eq!(ends.vectors[&SeqId(2)], states(2, 28));
    assert_eq!(ends.reasons[&SeqId(2)], FinishReason::Length);
    assert!(ends.stats[&SeqId(2)].preemptions > 0, "the stream grew and took its blocks");
}

#[test]
fn states_are_not_taken_from_the_prefix_cache_and_leave_their_blocks_there() {
    let mut driver = Driver::new(LIMITS, LastToken::default());
    let mut cached = Vec::new();
    for (seq, each_token) in [(1, true), (2, false), (3, true)] {
        let asked = Submission { seqs: vec![SeqId(seq)], each_token, ..pooled(9, 8) };
        driver.submit(asked, Duration::ZERO).unwrap();
        let ends = run(&mut driver);
        cached.push(ends.stats[&SeqId(seq)].cached_tokens);
        let told = if each_token { states(9, 8) } else { vec![9007.0, 8.0] };
        assert_eq!(ends.vectors[&SeqId(seq)], told);
    }
    let stats = driver.stats();
    assert_eq!((cached, stats.prefix_query_tokens, stats.prefix_hit_tokens), (vec![0, 7, 0], 8, 7));
}

#[test]
fn what_never_runs_and_what_is_full_can_be_asked_before() {
    let mut driver = Driver::new(LIMITS, LastToken::default());
    assert!(driver.check_submission(&pooled(1, 40)).is_ok());
    assert!(driver.check_submission(&pooled(1, 41)).is_err());
    for seq in 0..3 {
        assert!(driver.has_room(10));
        driver.submit(pooled(seq, 10), Duration::ZERO).unwrap();
    }
    assert!(!driver.has_room(1), "three wait");
    driver.turn(|| Duration::ZERO, &BTreeSet::new());
    assert!(driver.has_room(10) && !driver.has_room(50));
}

#[test]
fn who_is_pooled_draws_nothing() {
    for wrong in [Submission { pooled: true, ..drawing(1, 2, 1) }, Submission { each_token: true, ..drawing(1, 2, 1) }]
    {
        let submit = || Driver::new(LIMITS, LastToken::default()).submit(wrong, Duration::ZERO);
        assert!(catch_unwind(AssertUnwindSafe(submit)).is_err());
    }
}

/// A model without a cache, over whose steps of 8 tokens no sequence reaches.
const WHOLE: Limits = Limits { passes: Passes::Whole, num_blocks: 0, max_model_len: 8, ..LIMITS };

#[test]
fn without_a_cache_each_sequence_is_computed_whole_and_in_order() {
    let limits = Limits { max_queued_requests: 10, max_num_seqs: 3, ..WHOLE };
    let mut driver = Driver::new(limits, LastToken::default());
    for (seq, prompt) in [(1, 5), (2, 4), (3, 1), (4, 1), (5, 1), (6, 8)] {
        driver.submit(pooled(seq, prompt), Duration::ZERO).unwrap();
    }
    let ends = run(&mut driver);
    assert_eq!(ends.vectors.len(), 6);
    assert_eq!(ends.vectors[&SeqId(6)], [6007.0, 8.0]);
    let seqs = |plan: &StepPlan| plan.works.iter().map(|work| work.seq.0).collect::<Vec<_>>();
    let steps: Vec<_> = driver.executor().plans.iter().map(seqs).collect();
    assert_eq!(steps, [vec![1], vec![2, 3, 4], vec![5], vec![6]], "5 + 4 are more than a step, as 1 + 8 are");
    let works = driver.executor().plans.iter().flat_map(|plan| &plan.works);
    assert!(works.into_iter().all(|work| work.start == 0 && work.pooled && work.blocks.is_empty()));
    let stats = driver.stats();
    assert_eq!((stats.prompt_tokens, stats.prefix_query_tokens, stats.blocks.total), (20, 0, 0));
}

#[test]
fn the_marks_of_a_text_are_told() {
    let mut driver = Driver::new(WHOLE, LastToken::default());
    let asked = Submission { second: Some(3), asked: [1, 4].into(), each_token: true, ..pooled(1, 5) };
    driver.submit(asked, Duration::ZERO).unwrap();
    driver.submit(pooled(2, 1), Duration::ZERO).unwrap();
    run(&mut driver);
    driver.submit(pooled(3, 1), Duration::ZERO).unwrap();
    run(&mut driver);
    let works = driver.executor().plans.iter().flat_map(|plan| &plan.works);
    let marks: Vec<_> = works.map(|work| (work.second, work.asked.to_vec(), work.states_from)).collect();
    let unmarked = (None, vec![], None);
    assert_eq!(marks, [(Some(3), vec![1, 4], Some(0)), unmarked.clone(), unmarked], "works are used again");
}

#[test]
fn without_a_cache_nothing_is_found_again_or_drawn() {
    let mut driver = Driver::new(WHOLE, LastToken::default());
    for seq in [1, 2] {
        let asked = Submission { seqs: vec![SeqId(seq)], ..pooled(9, 8) };
        driver.submit(asked, Duration::ZERO).unwrap();
        assert_eq!(run(&mut driver).stats[&SeqId(seq)].cached_tokens, 0);
    }
    let reject = driver.submit(pooled(3, 9), Duration::ZERO).unwrap_err();
    assert_eq!(reject, Reject::TooLong { prompt: 9, new: 0, limit: 8 });
    let draw = || Driver::new(WHOLE, LastToken::default()).submit(drawing(1, 2, 1), Duration::ZERO);
    assert!(catch_unwind(AssertUnwindSafe(draw)).is_err());
}
