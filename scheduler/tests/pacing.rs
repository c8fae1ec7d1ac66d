//! The pace of a step under load, on a clock that an executor with plain costs moves: no stream pays for a prompt with
//! more than a step's time, and nobody who waits pays for that.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use scheduler::{
    Driver, Event, Executor, Limits, Passes, Sample, SamplingParams, SeqId, Speculation, StepOutput, StepPlan,
    Submission, Token,
};

/// Costs measured for a small model on two cores, in microseconds: a step, a decoding row, a row of a prompt.
const STEP: u64 = 2_800;
const DECODE: u64 = 580;
const PROMPT: u64 = 420;

/// Moves the clock by what a step costs.
struct Costed {
    now: Rc<Cell<Duration>>,
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl Executor for Costed {
    type Error = Never;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Never> {
        let decodes = plan.works.iter().filter(|work| work.tokens.len() == 1).count() as u64;
        let prompt = plan.num_tokens() as u64 - decodes;
        self.now.set(self.now.get() + Duration::from_micros(STEP + decodes * DECODE + prompt * PROMPT));
        let draws = plan.works.iter().flat_map(|work| &work.samples);
        let samples = draws.map(|spec| Sample::new(spec.seq, Ok(0))).collect();
        Ok(StepOutput { samples, ..StepOutput::default() })
    }
}

/// What clients of one load saw, sorted, in milliseconds.
struct Seen {
    gaps: Vec<f64>,
    first: Vec<f64>,
    tokens_per_second: f64,
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Closed loop: each of `clients` asks again when it was answered, `requests` in all; `shape` gives prompt and answer.
fn serve(clients: u64, requests: u64, shape: impl Fn(u64) -> (usize, usize)) -> Seen {
    let limits = Limits {
        passes: Passes::Cached,
        max_num_seqs: 64,
        max_num_batched_tokens: 256,
        block_size: 16,
        num_blocks: 4096,
        window: None,
        windowed: None,
        max_model_len: 4096,
        max_queued_requests: 256,
        max_queued_tokens: 1 << 20,
        max_samples: 64,
        speculation: Speculation::PREDICTIONS,
    };
    let now = Rc::new(Cell::new(Duration::ZERO));
    let mut driver = Driver::new(limits, Costed { now: Rc::clone(&now) });
    let ask = |driver: &mut Driver<Costed>, request: u64| {
        let (prompt, max_new) = shape(request);
        let submission = Submission {
            seqs: vec![SeqId(request)],
            prompt: (0..prompt as Token).map(|token| token + 10_000 * request as Token).collect(),
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
        };
        driver.submit(submission, now.get()).unwrap();
    };
    (0..clients).for_each(|request| ask(&mut driver, request));
    let (mut asked, mut last) = (clients, BTreeMap::new());
    let (mut gaps, mut first, mut tokens) = (Vec::new(), Vec::new(), 0);
    while !driver.is_idle() {
        for event in driver.turn(|| now.get(), &BTreeSet::new()).events {
            match event {
                Event::Token { seq, .. } => {
                    tokens += 1;
                    if let Some(before) = last.insert(seq, now.get()) {
                        gaps.push(now.get().saturating_sub(before).as_secs_f64() * 1e3);
                    }
                }
                Event::Vector { .. } => panic!("nobody is pooled"),
                Event::Finished { stats, .. } => {
                    first.push(stats.first_token.unwrap().saturating_sub(stats.submitted).as_secs_f64() * 1e3);
                    if asked < requests {
                        ask(&mut driver, asked);
                        asked += 1;
                    }
                }
                Event::Scores { .. } | Event::Beams { .. } => {}
            }
        }
    }
    gaps.sort_by(f64::total_cmp);
    first.sort_by(f64::total_cmp);
    Seen { gaps, first, tokens_per_second: f64::from(tokens) / now.get().as_secs_f64() }
}

/// Tokens a second if every step were full: what prompts and answers cost, and nothing for waiting.
fn ideal(clients: u64, prompt: f64, answer: f64) -> f64 {
    let step_share = STEP as f64 / clients as f64 + DECODE as f64;
    1e6 * answer / (answer * step_share + prompt * PROMPT as f64)
}

#[test]
fn equal_clients_see_even_gaps() {
    let seen = serve(16, 320, |_| (128, 64));
    let (p50, p99) = (percentile(&seen.gaps, 0.5), percentile(&seen.gaps, 0.99));
    assert!(p99 <= 1.5 * p50, "gaps {p50} {p99}");
    let first = percentile(&seen.first, 0.5);
    assert!(first < 250.0, "first token {first}");
    let share = seen.tokens_per_second / ideal(16, 128.0, 64.0);
    assert!(share > 0.9, "throughput {share}");
}

#[test]
fn mixed_clients_see_short_gaps() {
    let spread = |request: u64, low: u64, high: u64| (low + request.wrapping_mul(0x9e37_79b9) % (high - low)) as usize;
    let seen = serve(32, 640, |request| (spread(request, 32, 512), spread(request + 7, 16, 128)));
    let (p50, p99) = (percentile(&seen.gaps, 0.5), percentile(&seen.gaps, 0.99));
    assert!(p99 <= 2.0 * p50 && p99 < 120.0, "gaps {p50} {p99}");
    let (middle, worst) = (percentile(&seen.first, 0.5), percentile(&seen.first, 1.0));
    assert!(middle < 1_500.0 && worst < 6_000.0, "first token {middle} {worst}");
    let share = seen.tokens_per_second / ideal(32, 272.0, 72.0);
    assert!(share > 0.85, "throughput {share}");
}

#[test]
fn a_short_prompt_costs_a_lone_stream_little() {
    let seen = serve(2, 40, |request| if request % 2 == 0 { (32, 200) } else { (64, 8) });
    let p99 = percentile(&seen.gaps, 0.99);
    assert!(p99 <= 12.0, "gaps {p99}");
}
