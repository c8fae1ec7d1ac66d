//! A model made of hashes: what it writes at a position depends on the root and on all it sees before it, and what it
//! draws depends on everything it reads: every token up to there, or those of a window, or both in layers of either kind. One
//! wrong slot anywhere gives another text. Some of its texts repeat themselves, but for a word here and there.

use std::collections::VecDeque;

use super::random::mix;
use crate::{Candidate, KvPool, Limits, RowFault, SampleSpec, SamplingParams, Score, Token, TokenLogprobs};

/// Token ids are below this.
pub(super) const VOCABULARY: u64 = 40;

/// Numbers of a vector: the bytes of what a position has seen.
pub(super) const VECTOR: usize = size_of::<u64>();

/// Seeds of sampling params that are multiples of this have rows that fault.
pub(super) const FAULTY_SEED: u64 = 16;

/// Contexts that are multiples of this have no vector.
const FAULTY_CONTEXT: u64 = 11;

/// The same of those whose states are told.
const FAULTY_STATE: u64 = 97;

/// Seeds of sampling params that are multiples of this have texts that repeat themselves.
pub(super) const REPETITIVE_SEED: u64 = 3;

/// What all layers see of a text, as far as it has come.
#[derive(Clone, Debug)]
pub(super) struct Context(Vec<Sight>);

/// What the layers of one pool see of it.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    empty: u64,
    window: Option<usize>,
    /// Where the next token stands.
    position: usize,
    /// All that was read, without a window.
    all: u64,
    /// What the last positions of a window hold.
    seen: VecDeque<u64>,
}

impl Context {
    /// Before the first position.
    pub(super) fn new(root: u64, limits: &Limits) -> Self {
        Self(limits.pools().map(|pool| Sight::of(root, (pool, limits), 0)).collect())
    }

    /// Reads a token.
    pub(super) fn write(&mut self, token: Token) {
        for sight in &mut self.0 {
            sight.write(token);
        }
    }

    /// What the last position sees.
    pub(super) fn value(&self) -> u64 {
        together(self.0.iter().map(Sight::value))
    }
}

/// What one position sees in all layers, from what it sees in those of each pool.
pub(super) fn together(values: impl Iterator<Item = u64>) -> u64 {
    values.reduce(mix).expect("there is a pool")
}

impl Sight {
    /// Before the first position that a token at `position` sees.
    pub(super) fn of(root: u64, (pool, limits): (KvPool, &Limits), position: usize) -> Self {
        let (empty, window) = (mix(root, 1 + pool.index() as u64), limits.window_in(pool));
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
        Self { empty, window, position: first, all: empty, seen: VecDeque::new() }
    }

    /// Where the next token stands.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Reads the KV of the next position.
    pub(super) fn read(&mut self, kv: u64) {
        self.position += 1;
        match self.window {
            None => self.all = mix(self.all, kv),
            Some(window) => {
                self.seen.push_back(kv);
                self.seen.drain(..self.seen.len().saturating_sub(window));
            }
        }
    }

    /// Reads a token; returns the KV to write for it, given what it sees before itself.
    pub(super) fn write(&mut self, token: Token) -> u64 {
        let before = self.hash(self.window.map_or(0, |window| window - 1));
        let kv = mix(mix(before, u64::from(token)), self.position as u64);
        self.read(kv);
        kv
    }

    /// What the last position sees.
    pub(super) fn value(&self) -> u64 {
        self.hash(self.window.unwrap_or(0))
    }

    /// Of the last `count` positions, where there is a window.
    fn hash(&self, count: usize) -> u64 {
        let unseen = self.seen.len().saturating_sub(count);
        self.window.map_or(self.all, |_| self.seen.iter().skip(unseen).fold(self.empty, |sum, &kv| mix(sum, kv)))
    }
}

/// The vector of a sequence, or of a pair of texts, whose last position has seen `context`; other places ask for another. Or
/// the state of a position that has seen it.
pub(super) fn pool(
    context: u64,
    second: Option<usize>,
    asked: &[usize],
    each_token: bool,
) -> Result<Vec<f32>, RowFault> {
    let context = second.into_iter().chain(asked.iter().copied()).fold(context, |sum, place| mix(sum, place as u64));
    let (context, faulty) = if each_token { (mix(context, 4), FAULTY_STATE) } else { (context, FAULTY_CONTEXT) };
    if context.is_multiple_of(faulty) {
        return Err(RowFault::NotFinite);
    }
    Ok(context.to_le_bytes().map(f32::from).to_vec())
}

/// Scores a prompt token with the logits of the position before it.
pub(super) fn score(context: u64, token: Token, params: &SamplingParams) -> Result<Score, RowFault> {
    let row = mix(mix(context, 3), u64::from(token));
    if params.seed.is_multiple_of(FAULTY_SEED) && row.is_multiple_of(23) {
        return Err(RowFault::NotFinite);
    }
    let top = (0..params.prompt_logprobs.unwrap_or(0) as Token).map(|token| (token, (row % 1009) as f32)).collect();
    Ok(Score { logprobs: TokenLogprobs { logprob: -((row % 4093) as f32), top }, rank: (row >> 32) as usize })
}

/// Every token that may follow a beam, in order of ids.
pub(super) fn candidates(context: u64, seen: &[Token], spec: &SampleSpec) -> Result<Vec<Candidate>, RowFault> {
    let params = &spec.params;
    let history = seen.iter().fold(spec.prompt_len as u64, |sum, &token| mix(sum, u64::from(token)));
    let row = mix(mix(context, history), params.seed);
    if params.seed.is_multiple_of(FAULTY_SEED) && row.is_multiple_of(29) {
        return Err(RowFault::NotFinite);
    }
    let allowed = |token: &Token| spec.generated >= params.min_new || !params.stop_ids.contains(token);
    let candidate = |token: Token| {
        // Sums of few such numbers are exact.
        let score = -((mix(row, u64::from(token)) % (1 << 14)) as f32) / 1024.0;
        Candidate { token, score, logprob: score }
    };
    Ok((0..VOCABULARY as Token).filter(allowed).map(candidate).collect())
}

/// Draws from the logits of a position, with the tokens seen so far if the settings ask for them.
pub(super) fn draw(context: u64, seen: &[Token], spec: &SampleSpec) -> Result<Token, RowFault> {
    let params = &spec.params;
    let history = seen.iter().fold(spec.prompt_len as u64, |sum, &token| mix(sum, u64::from(token)));
    let mut row = mix(mix(context, history), mix(params.seed, u64::from(spec.choice) << 32 | spec.generated as u64));
    if params.seed.is_multiple_of(FAULTY_SEED) && row.is_multiple_of(5) {
        return Err(RowFault::NotFinite);
    }
    if params.seed.is_multiple_of(REPETITIVE_SEED) && !row.is_multiple_of(8) {
        row = mix(params.seed, spec.generated as u64 % (2 + params.seed % 4));
    }
    loop {
        let token = (row % VOCABULARY) as Token;
        if spec.generated >= params.min_new || !params.stop_ids.contains(&token) {
            return Ok(token);
        }
        row = mix(row, 2);
    }
}
