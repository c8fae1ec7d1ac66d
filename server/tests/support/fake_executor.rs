//! An executor that tells a story instead of running a model, and can be made to fail, panic or wait.
//!
//! It keeps tokens in blocks as the engine keeps KV, and reads prompts back through the block tables: a block in two
//! hands, or a wrong table, changes the text.

use std::{collections::HashMap, sync::Arc, thread};

use scheduler::{
    BlockId, Candidate, Executor, MaskState, RowFault, Sample, SampleSpec, Score, ScoreSpec, SequenceVector,
    StepOutput, StepPlan, Token, TokenLogprobs, TokenMask, Work,
};

use server::model_kind::ModelKind;

use super::{
    controls::{Controls, Orders, Told},
    cores::Cores,
    vocabulary::{EOS, VOCAB_SIZE, spell},
};

/// What every answer is cut from; an answer begins at a word and ends after the next full stop.
pub const STORY: &str = "up we go over the 산 and the valley 🚠 lies far below while clouds drift by in the wind. \
                         down again past the naïve goats who never look up at the passing cabins. \
                         a rope hums 안녕 softly between two towers of steel and everyone holds on. ";

/// Numbers of a vector.
pub const WIDTH: usize = 8;

/// A scheduler's executor without a model.
#[derive(Debug)]
pub struct FakeExecutor {
    block_size: usize,
    kind: ModelKind,
    slots: HashMap<(BlockId, usize), Token>,
    controls: Arc<Controls>,
}

/// Scores of which one number's, after those before it are used up, is far above the others.
fn certain(number: usize, scores: usize) -> Vec<f32> {
    (0..scores).map(|score| if score == number % scores { 9.0 } else { 0.0 }).collect()
}

impl FakeExecutor {
    /// An executor over empty blocks.
    pub fn new(block_size: usize, kind: ModelKind, controls: Arc<Controls>) -> Self {
        Self { block_size, kind, slots: HashMap::new(), controls }
    }

    fn write(&mut self, work: &Work) {
        if work.blocks.is_empty() {
            return;
        }
        for (position, &token) in (work.start..).zip(&work.tokens) {
            self.slots.insert(self.slot(work, position), token);
        }
    }

    fn slot(&self, work: &Work, position: usize) -> (BlockId, usize) {
        (work.blocks[position / self.block_size], position % self.block_size)
    }

    /// What a model of the kind would give.
    fn pool(&self, work: &Work) -> SequenceVector {
        let vector = match &self.kind {
            ModelKind::Decoder | ModelKind::Embedder if work.states_from.is_some() => {
                let told = work.tokens.iter().skip(work.states_from.unwrap_or_default());
                told.flat_map(|token| certain(*token as usize, WIDTH)).collect()
            }
            ModelKind::TokenClassifier(labels) => {
                work.tokens.iter().flat_map(|token| certain(*token as usize, labels.len())).collect()
            }
            ModelKind::SpanReader => {
                work.tokens.iter().flat_map(|token| [token % 7, token % 5].map(|of| of as f32)).collect()
            }
            ModelKind::MaskFiller(_) => work.asked.iter().flat_map(|place| certain(*place, VOCAB_SIZE)).collect(),
            ModelKind::Decoder | ModelKind::Embedder | ModelKind::Classifier(_) | ModelKind::Tasks(_) => {
                self.counts(work)
            }
        };
        SequenceVector { seq: work.seq, vector: Ok(vector) }
    }

    /// How often each residue of ids stands in the whole sequence, later tokens weighing more.
    fn counts(&self, work: &Work) -> Vec<f32> {
        let mut vector = vec![0.0; WIDTH];
        for position in 0..work.start + work.tokens.len() {
            let held = || self.slots[&self.slot(work, position)];
            let token = if work.blocks.is_empty() { work.tokens[position] } else { held() } as usize;
            vector[token % WIDTH] += 1.0 + (position % 16) as f32;
        }
        vector
    }

    fn draw(&self, work: &Work, spec: &SampleSpec, orders: &Orders) -> Sample {
        let prompt: Vec<Token> = (0..spec.prompt_len).map(|position| self.slots[&self.slot(work, position)]).collect();
        let told = next_token(&prompt, spec, orders);
        let token = match bound(spec, told) {
            Ok(token) => token,
            Err(fault) => return Sample::new(spec.seq, Err(fault)),
        };
        let logprobs = spec.params.logprobs.map(|count| TokenLogprobs {
            logprob: -0.25,
            top: (0..count as Token).map(|rank| ((token + rank) % 256, -0.25 - rank as f32)).collect(),
        });
        let candidates = likely(spec, told);
        Sample { logprobs, candidates, ..Sample::new(spec.seq, Ok(token)) }
    }
}

impl Executor for FakeExecutor {
    type Error = Told;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Told> {
        let cores = self.controls.cores();
        let _at_work = cores.as_deref().map(Cores::enter);
        if cores.is_some() {
            thread::yield_now();
        }
        let orders = self.controls.obey()?;
        for copy in &plan.copies {
            for slot in 0..self.block_size {
                if let Some(token) = self.slots.get(&(copy.from, slot)).copied() {
                    self.slots.insert((copy.to, slot), token);
                }
            }
        }
        for work in &plan.works {
            self.write(work);
        }
        let draw = |work| move |spec| (work, spec);
        let draws = plan.works.iter().flat_map(|work| work.samples.iter().map(draw(work)));
        let samples = draws.map(|(work, spec)| self.draw(work, spec, &orders)).collect();
        let scores = plan.works.iter().flat_map(|work| &work.scores).map(|spec| Ok(score(spec))).collect();
        let vectors = plan.pooled().map(|work| self.pool(work)).collect();
        Ok(StepOutput { samples, scores, vectors })
    }
}

/// The rank of a prompt token follows from its id, and everything else from the rank.
fn score(spec: &ScoreSpec) -> Score {
    let place = spec.token % 4;
    let logprob = |place: Token| -0.25 - place as f32;
    let stands = |other: Token| if other == place { spec.token } else { (spec.token + 1 + other) % 256 };
    let top = (0..spec.params.prompt_logprobs.unwrap_or(0) as Token).map(|place| (stands(place), logprob(place)));
    Score { logprobs: TokenLogprobs { logprob: logprob(place), top: top.collect() }, rank: place as usize + 1 }
}

/// The tokens of the answer to a prompt, and then the end token.
fn next_token(prompt: &[Token], spec: &SampleSpec, orders: &Orders) -> Token {
    let choice = if spec.params.temperature > 0.0 { spec.choice as usize + spec.params.seed as usize % 7 } else { 0 };
    let story = answer_from(prompt.iter().map(|token| *token as usize).sum::<usize>() + 3 * choice);
    let answer = spell(orders.said.as_deref().unwrap_or(story));
    let end = !orders.never_ends && spec.generated >= spec.params.min_new;
    match answer.get(spec.generated) {
        Some(token) => *token,
        None if end => EOS,
        None => Token::from(b'.'),
    }
}

/// The token told, or another one if the constraint does not allow it: any, but always the same.
fn bound(spec: &SampleSpec, told: Token) -> Result<Token, RowFault> {
    let Some(constraint) = &spec.params.constraint else { return Ok(told) };
    match constraint.mask(spec.choice, spec.generated) {
        MaskState::Ready(mask) if mask.allows(told) => Ok(told),
        MaskState::Ready(mask) => Ok(any_of(&mask, spec)),
        MaskState::Late => Err(RowFault::MaskLate),
        MaskState::Failed => Err(RowFault::MaskFailed),
    }
}

/// What a beam may go on with at this place: the token that is told first, then those with the next ids.
fn likely(spec: &SampleSpec, told: Token) -> Vec<Candidate> {
    let mask = match spec.params.constraint.as_ref().map(|bound| bound.mask(spec.choice, spec.generated)) {
        Some(MaskState::Ready(mask)) => Some(mask),
        _ => None,
    };
    let all = VOCAB_SIZE as Token;
    let tokens = (told..told + all).map(|token| token % all);
    let allowed = tokens.filter(|token| mask.as_ref().is_none_or(|mask| mask.allows(*token)));
    let score = |rank: usize| -0.25 - rank as f32;
    let candidate = |(rank, token)| Candidate { token, score: score(rank), logprob: score(rank) };
    allowed.enumerate().map(candidate).take(spec.params.num_candidates().unwrap_or(0)).collect()
}

fn any_of(mask: &TokenMask, spec: &SampleSpec) -> Token {
    let allowed: Vec<Token> = (0..VOCAB_SIZE as Token).filter(|token| mask.allows(*token)).collect();
    let roll = (spec.generated as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ spec.params.seed;
    allowed[((roll >> 20) % allowed.len() as u64) as usize]
}

fn answer_from(start: usize) -> &'static str {
    let words: Vec<usize> =
        STORY.match_indices(' ').map(|(index, _)| index + 1).filter(|at| *at < STORY.len()).collect();
    let rest = &STORY[words[start % words.len()]..];
    &rest[..=rest.find('.').unwrap()]
}
