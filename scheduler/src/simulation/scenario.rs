//! What a seed stands for: limits, load, faults and the clock's habits.

use std::sync::Arc;
use std::time::Duration;

use super::fake_model::{Context, VOCABULARY};
use super::oracle;
use super::random::Random;
use crate::{BeamParams, Limits, Passes, SamplingParams, SeqId, Speculation, Submission, Token, WindowedPool};

/// How hard the world is, in percent for each turn.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) limits: Limits,
    pub(super) requests: usize,
    pub(super) arrival_percent: usize,
    pub(super) abort_percent: usize,
    pub(super) hold_percent: usize,
    pub(super) fail_percent: usize,
    pub(super) deadline_percent: usize,
    pub(super) jump_percent: usize,
    pub(super) weak_hash: bool,
    /// Requests for several choices, and how many of those are beam searches.
    several_percent: usize,
    beams_percent: usize,
    stems: Vec<Vec<Token>>,
}

impl Scenario {
    pub(super) fn new(random: &mut Random) -> Self {
        let searches = random.chance(20);
        let percent = |random: &mut Random, most| if random.chance(50) { random.within(1, most) } else { 0 };
        Self {
            limits: limits(random),
            requests: random.within(3, 40),
            arrival_percent: random.within(10, 90),
            abort_percent: percent(random, 15),
            hold_percent: if searches { random.within(20, 60) } else { percent(random, 20) },
            fail_percent: percent(random, 8),
            deadline_percent: percent(random, 40),
            jump_percent: percent(random, 10),
            weak_hash: random.chance(30),
            several_percent: if searches { 90 } else { 30 },
            beams_percent: if searches { 90 } else { 40 },
            stems: (0..3).map(|_| tokens(random, 40)).collect(),
        }
    }

    /// The next request, sometimes one that must be refused.
    pub(super) fn submission(&self, random: &mut Random, first_seq: u64, now: Duration) -> Submission {
        let is_whole = self.limits.passes == Passes::Whole;
        let pooled = is_whole || random.chance(20);
        let several = !pooled && random.chance(self.several_percent);
        let choices = if several { random.within(1, 5) as u64 } else { 1 };
        let deadline = |random: &mut Random| {
            random.chance(self.deadline_percent).then(|| now + Duration::from_millis(random.within(0, 3000) as u64))
        };
        // Mostly what fits the model and the pool, so that the pool is full of living sequences.
        let slots = if is_whole { self.limits.max_model_len } else { self.limits.num_blocks * self.limits.block_size };
        let wild = random.chance(10);
        let longest = if wild { 70 } else { self.limits.max_model_len.min(slots / choices as usize).max(2) };
        let mut prompt = self.prompt(random);
        if !wild {
            prompt.truncate(random.within(1, longest - 1));
            prompt.resize(prompt.len().max(1), 0);
        }
        let most_new = longest.saturating_sub(prompt.len()).max(1);
        let submission = Submission {
            seqs: (first_seq..first_seq + choices).map(SeqId).collect(),
            params: Arc::new(if pooled {
                SamplingParams { prompt_logprobs: None, ..params(random, 0) }
            } else {
                let beams = (choices > 1 && random.chance(self.beams_percent)).then(|| beams(random, choices as usize));
                SamplingParams { beams, ..params(random, most_new) }
            }),
            second: (is_whole && random.chance(50)).then(|| random.within(0, prompt.len())),
            asked: (0..prompt.len()).filter(|_| is_whole && random.chance(20)).collect(),
            each_token: pooled && prompt.len().is_multiple_of(2),
            prompt,
            prediction: Arc::default(),
            pooled,
            priority: if random.chance(60) { 0 } else { random.within(0, 2) as i32 - 1 },
            cache_key: [random.within(0, 1) as u8; 32],
            queue_deadline: deadline(random),
            deadline: deadline(random),
        };
        let predictable = !pooled && submission.params.beams.is_none();
        let prediction =
            if predictable && random.chance(40) { self.prediction(random, &submission) } else { Vec::new() };
        Submission { prediction: prediction.into(), ..submission }
    }

    /// Before the first token of a submission.
    pub(super) fn empty_context(&self, submission: &Submission) -> Context {
        Context::new(u64::from(submission.cache_key[0]), &self.limits)
    }

    /// What the first choice will say, or nearly.
    fn prediction(&self, random: &mut Random, submission: &Submission) -> Vec<Token> {
        let mut said = oracle::expect(submission, self.empty_context(submission), 0).tokens;
        for _ in 0..random.within(0, 3) {
            let place = random.within(0, said.len());
            let removed = place..said.len().min(place + random.within(0, 2));
            let added = random.within(0, 2);
            said.splice(removed, tokens(random, added));
        }
        said
    }

    /// The beginning of a common stem, or all of it, and mostly something of its own.
    fn prompt(&self, random: &mut Random) -> Vec<Token> {
        let stem = &self.stems[random.within(0, self.stems.len() - 1)];
        let mut prompt = stem[..random.within(0, stem.len())].to_vec();
        if random.chance(60) {
            prompt.truncate(prompt.len() / self.limits.block_size * self.limits.block_size);
            let own = random.within(0, 6);
            prompt.extend(tokens(random, own));
        }
        prompt
    }
}

fn limits(random: &mut Random) -> Limits {
    let block_size = [1, 2, 3, 4, 4, 8][random.within(0, 5)];
    let limits = Limits {
        passes: Passes::Cached,
        max_num_seqs: random.within(1, 10),
        max_num_batched_tokens: [random.within(1, 8), random.within(4, 40)][random.within(0, 1)],
        block_size,
        num_blocks: random.within(1, 8) * 8usize.div_ceil(block_size),
        window: random.chance(40).then(|| random.within(1, 12)),
        windowed: None,
        max_model_len: random.within(6, 70),
        max_queued_requests: [random.within(1, 6), 100, 100][random.within(0, 2)],
        max_queued_tokens: [random.within(40, 200), 10_000, 10_000][random.within(0, 2)],
        max_samples: 0,
        speculation: speculation(random),
    };
    let max_samples = limits.max_running() + random.within(0, 12);
    let limits = Limits { max_samples, windowed: windowed_pool(random, &limits), ..limits };
    if !random.chance(12) {
        return limits;
    }
    // A model without a cache: its sequences are no longer than a step.
    let max_model_len = limits.max_model_len.min(limits.max_num_batched_tokens);
    Limits { passes: Passes::Whole, num_blocks: 0, window: None, windowed: None, max_model_len, ..limits }
}

/// Of some models whose layers do not all have a window: mostly one that holds at least a window with a step.
fn windowed_pool(random: &mut Random, limits: &Limits) -> Option<WindowedPool> {
    if limits.window.is_some() || random.chance(40) {
        return None;
    }
    let window = random.within(1, 12);
    let of_one = Limits::window_blocks(window, limits.max_num_batched_tokens, limits.block_size);
    let of_one = of_one.min(limits.num_blocks);
    let least = if random.chance(15) { 1 } else { of_one };
    Some(WindowedPool { num_blocks: random.within(least, 2 * of_one), window })
}

fn speculation(random: &mut Random) -> Speculation {
    let prompt_lookup_min = random.within(1, 3);
    Speculation {
        num_speculative_tokens: random.within(1, 8),
        prompt_lookup_max: prompt_lookup_min + random.within(0, 3),
        prompt_lookup_min,
        own_text: random.chance(60),
    }
}

fn params(random: &mut Random, most_new: usize) -> SamplingParams {
    SamplingParams {
        seed: random.next() % 64,
        repetition_penalty: if random.chance(20) { 1.5 } else { 1.0 },
        max_new: random.within(0, most_new.min(40)),
        min_new: if random.chance(30) { random.within(0, 5) } else { 0 },
        stop_ids: if random.chance(40) { tokens(random, 2) } else { Vec::new() },
        prompt_logprobs: random.chance(25).then(|| random.within(0, 3)),
        ..SamplingParams::default()
    }
}

fn beams(random: &mut Random, width: usize) -> BeamParams {
    BeamParams {
        width,
        returned: random.within(1, width),
        length_penalty: [1.0, 1.0, 0.0, 2.0, -1.0][random.within(0, 4)],
        early_stopping: random.chance(30),
    }
}

fn tokens(random: &mut Random, count: usize) -> Vec<Token> {
    (0..count).map(|_| (random.next() % VOCABULARY) as Token).collect()
}
