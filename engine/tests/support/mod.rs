//! What the engine's tests share: fixtures, engines over them, and runs through the scheduler.
#![allow(dead_code, reason = "each test target uses its own part")]
#![allow(clippy::unwrap_used, reason = "test support")]

pub(crate) mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::{Checkpoint, Dtype, Engine, EngineOptions, Isa, KvDtype, MemoryLimits, MemoryPlan};
use scheduler::{
    BlockId, Driver, Event, Limits, Passes, SamplingParams, Score, SeqId, Speculation, StepPlan, Submission, Token,
    TokenLogprobs, Work,
};
use serde_json::Value;

/// A folder of the repository's reference outputs.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn ids(value: &Value) -> Vec<Token> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as Token).collect()
}

/// How a test wants its engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) threads: usize,
    pub(crate) isa: Isa,
    pub(crate) dtype: Dtype,
    pub(crate) kv_dtype: KvDtype,
    pub(crate) block_size: usize,
    pub(crate) num_blocks: usize,
    pub(crate) max_num_seqs: usize,
    pub(crate) max_num_batched_tokens: usize,
    /// As the model has it where there is none.
    pub(crate) max_model_len: Option<usize>,
    pub(crate) passes: Passes,
    /// Of layers that see a window beside others that see all.
    pub(crate) windowed_pool: bool,
    pub(crate) speculation: Speculation,
}

impl Default for Setup {
    fn default() -> Self {
        let isa = Isa::detect();
        Self {
            threads: 2,
            isa,
            dtype: Dtype::Float32,
            kv_dtype: KvDtype::F32,
            block_size: 16,
            num_blocks: 64,
            max_num_seqs: 8,
            max_num_batched_tokens: 64,
            max_model_len: None,
            passes: Passes::Cached,
            windowed_pool: true,
            speculation: Speculation::PREDICTIONS,
        }
    }
}

/// A fixture of each family of encoders: the name that config.json gives it.
pub(crate) const ENCODERS: [&str; 8] =
    ["bert", "roberta", "distilbert", "xlnet", "modernbert", "mpnet", "deberta-v2", "nomic_bert"];

/// For a model that computes sequences whole.
pub(crate) fn whole() -> Setup {
    Setup { passes: Passes::Whole, num_blocks: 0, ..Setup::default() }
}

/// Loads a model as the server does.
pub(crate) fn load(path: &Path, setup: Setup) -> anyhow::Result<Engine> {
    let checkpoint = Checkpoint::open(path)?;
    let limits = MemoryLimits {
        block_size: setup.block_size,
        num_kv_blocks: Some(setup.num_blocks),
        max_num_seqs: setup.max_num_seqs,
        max_num_batched_tokens: setup.max_num_batched_tokens,
        max_model_len: setup.max_model_len,
        num_speculative_tokens: setup.speculation.num_speculative_tokens,
        windowed_pool: setup.windowed_pool,
        ..MemoryLimits::default()
    };
    let options =
        EngineOptions { threads: setup.threads, isa: setup.isa, dtype: setup.dtype, kv_dtype: setup.kv_dtype };
    let plan = MemoryPlan::new(&checkpoint, &options, &limits)?;
    Ok(Engine::load(&checkpoint, &options, &plan)?)
}

/// The logits of every token of a prompt, `[tokens, vocab]`, computed in one piece at `start`.
pub(crate) fn logits(engine: &mut Engine, tokens: &[Token], start: usize, block_size: usize) -> Vec<f32> {
    let blocks: Vec<_> = (0..(start + tokens.len()).div_ceil(block_size) as u32).map(BlockId).collect();
    let windowed = engine.windowed().map(|_| blocks.clone()).unwrap_or_default();
    let work = Work { start, tokens: tokens.to_vec(), blocks, windowed, ..Work::empty(SeqId(0)) };
    engine.logits(&StepPlan { copies: Vec::new(), works: vec![work] }).unwrap().to_vec()
}

/// Of the angle between two vectors.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

pub(crate) fn max_abs_diff(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max)
}

/// What one sequence was given: tokens, and the log-probabilities of them and of its prompt, bit for bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) tokens: Vec<Token>,
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// Of a pooled sequence, or of its tokens.
    pub(crate) vector: Vec<f32>,
    pub(crate) scores: Vec<Score>,
    pub(crate) preemptions: usize,
    pub(crate) cached_tokens: usize,
}

impl Answer {
    /// Asserts that another run gave the very same numbers.
    pub(crate) fn assert_same(&self, other: &Self, what: &str) {
        assert_eq!(self.tokens, other.tokens, "{what}");
        let all = |answer: &Self| -> Vec<_> { answer.logprobs.iter().map(bits).collect() };
        assert_eq!(all(self), all(other), "{what}");
        let scores = |answer: &Self| -> Vec<_> {
            answer.scores.iter().map(|score| (bits(&score.logprobs), score.rank)).collect()
        };
        let vector = |answer: &Self| answer.vector.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(vector(self), vector(other), "{what}");
        assert_eq!(scores(self), scores(other), "{what}");
    }
}

/// All bits of what is known about one token.
pub(crate) fn bits(logprobs: &TokenLogprobs) -> (u32, Vec<(Token, u32)>) {
    let top = logprobs.top.iter().map(|(token, value)| (*token, value.to_bits())).collect();
    (logprobs.logprob.to_bits(), top)
}

/// Runs the real scheduler over a real engine.
pub(crate) struct Runner {
    pub(crate) driver: Driver<Engine>,
    next: u64,
    now: u64,
    answers: BTreeMap<SeqId, Answer>,
}

impl Runner {
    pub(crate) fn new(engine: Engine, setup: Setup) -> Self {
        let limits = Limits {
            passes: setup.passes,
            max_num_seqs: setup.max_num_seqs,
            max_num_batched_tokens: setup.max_num_batched_tokens,
            block_size: setup.block_size,
            num_blocks: setup.num_blocks,
            window: engine.window(),
            windowed: engine.windowed(),
            max_model_len: match setup.passes {
                // Where blocks are given back, a text may be longer than the pool.
                Passes::Cached if engine.window().is_some() => 64 * setup.block_size * setup.num_blocks,
                Passes::Cached => setup.block_size * setup.num_blocks,
                Passes::Whole => setup.max_num_batched_tokens,
            },
            max_queued_requests: 64,
            max_queued_tokens: 100_000,
            max_samples: setup.max_num_batched_tokens,
            speculation: setup.speculation,
        };
        Self { driver: Driver::new(limits, engine), next: 1, now: 0, answers: BTreeMap::new() }
    }

    /// Queues a prompt; `salt` keeps it from sharing the prefix cache with others.
    pub(crate) fn submit(&mut self, prompt: &[Token], params: SamplingParams, salt: u8) -> SeqId {
        self.submit_predicted(prompt, params, salt, &[])
    }

    /// Queues a prompt together with what its answer may be.
    pub(crate) fn submit_predicted(
        &mut self,
        prompt: &[Token],
        params: SamplingParams,
        salt: u8,
        prediction: &[Token],
    ) -> SeqId {
        self.hand_in(Submission { prediction: prediction.into(), ..submission(prompt, params, salt) })
    }

    /// Queues a prompt whose vector is wanted.
    pub(crate) fn submit_pooled(&mut self, prompt: &[Token], salt: u8) -> SeqId {
        let params = SamplingParams { max_new: 0, ..SamplingParams::default() };
        self.hand_in(Submission { pooled: true, ..submission(prompt, params, salt) })
    }

    /// Queues a text, the states of all its tokens wanted.
    pub(crate) fn submit_each_token(&mut self, tokens: &[Token]) -> SeqId {
        let params = SamplingParams { max_new: 0, ..SamplingParams::default() };
        self.hand_in(Submission { pooled: true, each_token: true, ..submission(tokens, params, 0) })
    }

    /// Queues a text or a pair of texts whose scores are wanted.
    pub(crate) fn submit_pair(&mut self, tokens: &[Token], second: Option<usize>) -> SeqId {
        let params = SamplingParams { max_new: 0, ..SamplingParams::default() };
        self.hand_in(Submission { pooled: true, second, ..submission(tokens, params, 0) })
    }

    /// Queues a text or a pair of texts, of which words at these places are wanted.
    pub(crate) fn submit_masked(&mut self, tokens: &[Token], asked: &[usize]) -> SeqId {
        let params = SamplingParams { max_new: 0, ..SamplingParams::default() };
        self.hand_in(Submission { pooled: true, asked: asked.into(), ..submission(tokens, params, 0) })
    }

    /// Queues a beam search; returns its answers, the best first.
    pub(crate) fn search(&mut self, prompt: &[Token], params: SamplingParams, salt: u8) -> Vec<SeqId> {
        let width = params.beams.unwrap().width as u64;
        let seqs = (self.next..self.next + width).map(SeqId).collect();
        self.next += width;
        let submission = Submission { seqs, ..submission(prompt, params, salt) };
        let answers = submission.answers().to_vec();
        self.driver.submit(submission, Duration::ZERO).unwrap();
        answers
    }

    fn hand_in(&mut self, submission: Submission) -> SeqId {
        let seq = SeqId(self.next);
        self.next += 1;
        self.driver.submit(Submission { seqs: vec![seq], ..submission }, Duration::ZERO).unwrap();
        seq
    }

    /// Turns until nothing is left to do; returns all answers.
    pub(crate) fn finish(&mut self) -> BTreeMap<SeqId, Answer> {
        while !self.driver.is_idle() {
            self.turns(1);
        }
        std::mem::take(&mut self.answers)
    }

    /// So many turns.
    pub(crate) fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.now += 1;
            let now = Duration::from_millis(self.now);
            let turn = self.driver.turn(|| now, &BTreeSet::new());
            self.driver.check();
            assert!(turn.error.is_none(), "{:?}", turn.error);
            turn.events.into_iter().for_each(|event| self.hear(event));
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Token { seq, token, logprobs } => {
                let answer = self.answers.entry(seq).or_default();
                answer.tokens.push(token);
                answer.logprobs.extend(logprobs);
            }
            Event::Vector { seq, vector } => self.answers.entry(seq).or_default().vector.extend(vector),
            Event::Scores { seq, scores } => self.answers.entry(seq).or_default().scores.extend(scores),
            Event::Beams { .. } => {}
            Event::Finished { seq, stats, .. } => {
                let answer = self.answers.entry(seq).or_default();
                answer.preemptions = stats.preemptions;
                answer.cached_tokens = stats.cached_tokens;
            }
        }
    }

    /// One prompt, nothing else running.
    pub(crate) fn alone(&mut self, prompt: &[Token], params: SamplingParams, salt: u8) -> Answer {
        let seq = self.submit(prompt, params, salt);
        self.finish().remove(&seq).unwrap_or_default()
    }
}

fn submission(prompt: &[Token], params: SamplingParams, salt: u8) -> Submission {
    Submission {
        seqs: Vec::new(),
        prompt: prompt.to_vec(),
        prediction: Arc::default(),
        params: Arc::new(params),
        pooled: false,
        second: None,
        asked: Arc::default(),
        each_token: false,
        priority: 0,
        cache_key: [salt; 32],
        queue_deadline: None,
        deadline: None,
    }
}

/// So many greedy tokens, with the log-probabilities that show every bit.
pub(crate) fn greedy(max_new: usize) -> SamplingParams {
    SamplingParams { max_new, logprobs: Some(5), ..SamplingParams::default() }
}

/// The same with the prompt scored.
pub(crate) fn scored(params: SamplingParams) -> SamplingParams {
    SamplingParams { prompt_logprobs: params.logprobs, ..params }
}

/// So many seeded draws.
pub(crate) fn sampled(max_new: usize, seed: u64) -> SamplingParams {
    SamplingParams { temperature: 0.9, top_p: 0.95, seed, ..greedy(max_new) }
}
