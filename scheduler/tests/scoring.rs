//! Prompts that are scored, from outside: how much of a step they take, and who is told.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use scheduler::{
    Driver, Event, Executor, FinishReason, Limits, Passes, RowFault, Sample, SamplingParams, Score, SeqId, Speculation,
    StepOutput, StepPlan, Submission, Token, TokenLogprobs,
};

/// A prompt token that cannot be scored.
const UNSCORABLE: Token = 666;

/// Draws zeros; the rank of a prompt token is its id.
struct Ranking;

impl Executor for Ranking {
    type Error = Infallible;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Infallible> {
        let draws = plan.works.iter().flat_map(|work| &work.samples);
        let samples = draws.map(|spec| Sample::new(spec.seq, Ok(0))).collect();
        let score = |token: Token| {
            let logprobs = TokenLogprobs { logprob: -1.0, top: Vec::new() };
            if token == UNSCORABLE { Err(RowFault::NotFinite) } else { Ok(Score { logprobs, rank: token as usize }) }
        };
        let scores = plan.works.iter().flat_map(|work| &work.scores).map(|spec| score(spec.token)).collect();
        Ok(StepOutput { samples, scores, ..StepOutput::default() })
    }
}

const LIMITS: Limits = Limits {
    passes: Passes::Cached,
    max_num_seqs: 4,
    max_num_batched_tokens: 64,
    block_size: 4,
    num_blocks: 100,
    window: None,
    windowed: None,
    max_model_len: 200,
    max_queued_requests: 8,
    max_queued_tokens: 500,
    max_samples: 6,
    speculation: Speculation::PREDICTIONS,
};

fn submit(driver: &mut Driver<Ranking>, seqs: Range<u64>, prompt: Vec<Token>, params: SamplingParams) {
    let submission = Submission {
        seqs: seqs.map(SeqId).collect(),
        prompt,
        prediction: Arc::default(),
        pooled: false,
        second: None,
        asked: Arc::default(),
        each_token: false,
        params: Arc::new(params),
        priority: 0,
        cache_key: [0; 32],
        queue_deadline: None,
        deadline: None,
    };
    driver.submit(submission, Duration::ZERO).unwrap();
}

fn scored(max_new: usize) -> SamplingParams {
    SamplingParams { max_new, prompt_logprobs: Some(0), ..SamplingParams::default() }
}

fn turn(driver: &mut Driver<Ranking>) -> Vec<Event> {
    let turn = driver.turn(|| Duration::ZERO, &BTreeSet::new());
    driver.check();
    turn.events
}

/// The ranks that a turn told, and the sequence they were told of.
fn ranks(events: &[Event]) -> Vec<(u64, usize)> {
    let told = events.iter().filter_map(|event| match event {
        Event::Scores { seq, scores } => Some((seq, scores)),
        _ => None,
    });
    told.flat_map(|(seq, scores)| scores.iter().map(|score| (seq.0, score.rank))).collect()
}

#[test]
fn a_scored_prompt_takes_the_draws_that_nobody_makes() {
    let mut driver = Driver::new(LIMITS, Ranking);
    submit(&mut driver, 0..1, vec![9], SamplingParams { max_new: 100, ..SamplingParams::default() });
    turn(&mut driver);
    submit(&mut driver, 1..2, (0..30).collect(), scored(1));
    let mut heard = Vec::new();
    while heard.len() < 29 {
        let events = turn(&mut driver);
        let new = ranks(&events);
        assert!((1..=4).contains(&new.len()), "6 draws, of which one is the stream's and one its own: {new:?}");
        assert!(events.iter().any(|event| matches!(event, Event::Token { seq: SeqId(0), .. })), "the stream goes on");
        heard.extend(new);
    }
    assert!(heard.into_iter().eq((1..30).map(|rank| (1, rank))), "each token but the first, in order");
}

#[test]
fn with_no_draw_to_spare_a_scored_prompt_moves_a_token_a_step() {
    let mut driver = Driver::new(Limits { max_num_seqs: 1, max_samples: 1, ..LIMITS }, Ranking);
    submit(&mut driver, 0..1, vec![0, 1, 2, 3], scored(2));
    for rank in 1..4 {
        assert_eq!(ranks(&turn(&mut driver)), [(0, rank)]);
    }
    assert!(matches!(turn(&mut driver)[..], [Event::Token { .. }]), "the last row is drawn from");
    turn(&mut driver);
    assert!(driver.is_idle());
}

#[test]
fn a_prompt_without_an_answer_ends_when_it_is_scored() {
    let mut driver = Driver::new(LIMITS, Ranking);
    submit(&mut driver, 0..2, vec![0, 7, 8], scored(0));
    let events = turn(&mut driver);
    assert_eq!(ranks(&events), [(0, 7), (0, 8)], "one of the choices is told");
    let ends: Vec<_> = events.iter().filter(|event| matches!(event, Event::Finished { .. })).collect();
    assert_eq!((ends.len(), driver.is_idle()), (2, true));
}

#[test]
fn a_score_that_fails_ends_all_choices_of_its_prompt_and_nobody_else() {
    let mut driver = Driver::new(LIMITS, Ranking);
    submit(&mut driver, 0..1, vec![1, 2], scored(5));
    submit(&mut driver, 1..3, vec![1, UNSCORABLE], scored(5));
    let events = turn(&mut driver);
    let failed = |event: &Event| match event {
        Event::Finished { seq, reason, .. } => Some((seq.0, *reason)),
        _ => None,
    };
    let fault = FinishReason::RowFailed(RowFault::NotFinite);
    assert_eq!(events.iter().filter_map(failed).collect::<Vec<_>>(), [(1, fault), (2, fault)]);
    assert_eq!(ranks(&events), [(0, 2)]);
    assert!(events.iter().any(|event| matches!(event, Event::Token { seq: SeqId(0), .. })));
}

#[test]
fn whoever_is_left_is_told_the_rest() {
    let mut driver = Driver::new(Limits { max_samples: 4, ..LIMITS }, Ranking);
    submit(&mut driver, 0..2, (0..6).collect(), scored(1));
    assert_eq!(ranks(&turn(&mut driver)), [(0, 1), (0, 2)]);
    driver.abort(SeqId(0), Duration::ZERO).unwrap();
    let mut rest = Vec::new();
    while !driver.is_idle() {
        rest.extend(ranks(&turn(&mut driver)));
    }
    assert_eq!(rest, [(1, 3), (1, 4), (1, 5)]);
}

#[test]
fn a_scored_prompt_takes_nothing_from_the_prefix_cache_and_leaves_its_blocks_there() {
    let mut driver = Driver::new(LIMITS, Ranking);
    let prompt: Vec<Token> = (0..17).collect();
    let mut cached = Vec::new();
    for params in [scored(1), SamplingParams::default(), scored(1)] {
        submit(&mut driver, 0..1, prompt.clone(), params);
        while !driver.is_idle() {
            cached.extend(turn(&mut driver).iter().filter_map(|event| match event {
                Event::Finished { stats, .. } => Some(stats.cached_tokens),
                _ => None,
            }));
        }
    }
    let stats = driver.stats();
    assert_eq!((cached, stats.prefix_query_tokens, stats.prefix_hit_tokens), (vec![0, 16, 0], 17, 16));
}
