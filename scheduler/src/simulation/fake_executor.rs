//! Runs plans on real slots, one number for each KV position: it writes through the block table and reads back
//! through it, as attention would. A step that fails leaves garbage in all it was to write.

use std::collections::{BTreeMap, BTreeSet};

use super::fake_model::{Context, candidates, draw, pool, score};
use super::random::Random;
use crate::{
    BlockId, Executor, Limits, Passes, Sample, SampleSpec, SeqId, SequenceVector, StepOutput, StepPlan, Token, Work,
};

/// KV slots and the plan last run.
pub(super) struct FakeExecutor {
    slots: Vec<u64>,
    limits: Limits,
    random: Random,
    fail_percent: usize,
    /// The root of each sequence's prefix chain, which the model's numbers depend on.
    pub(super) roots: BTreeMap<SeqId, u64>,
    /// The last plan, until somebody takes it.
    pub(super) last: Option<StepPlan>,
}

/// The whole step failed.
#[derive(Debug, thiserror::Error)]
#[error("the step failed as planned")]
pub(super) struct StepFailed;

impl FakeExecutor {
    pub(super) fn new(limits: &Limits, mut random: Random, fail_percent: usize) -> Self {
        let slots = (0..limits.num_blocks * limits.block_size).map(|_| random.next()).collect();
        Self { slots, limits: limits.clone(), random, fail_percent, roots: BTreeMap::new(), last: None }
    }

    fn slot(&self, work: &Work, position: usize) -> usize {
        let block_size = self.limits.block_size;
        work.blocks[position / block_size].index() * block_size + position % block_size
    }

    fn copy(&mut self, from: BlockId, to: BlockId) {
        let block_size = self.limits.block_size;
        let from = from.index() * block_size;
        self.slots.copy_within(from..from + block_size, to.index() * block_size);
    }

    /// Writes the KV of a work and returns what each of its positions has seen.
    fn forward(&mut self, work: &Work) -> Vec<u64> {
        let mut context = Context::of(self.roots[&work.seq], self.limits.window, work.start);
        for position in context.position()..work.start {
            context.read(self.slots[self.slot(work, position)]);
        }
        let mut contexts = Vec::new();
        for (position, &token) in (work.start..).zip(&work.tokens) {
            let written = context.write(token);
            if self.limits.passes == Passes::Cached {
                let slot = self.slot(work, position);
                self.slots[slot] = written;
            }
            contexts.push(context.value());
        }
        contexts
    }

    fn scribble(&mut self, plan: &StepPlan) {
        for work in plan.works.iter().filter(|work| !work.blocks.is_empty()) {
            for position in work.start..work.start + work.tokens.len() {
                let slot = self.slot(work, position);
                self.slots[slot] = self.random.next();
            }
        }
    }
}

impl Executor for FakeExecutor {
    type Error = StepFailed;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, StepFailed> {
        check_plan(plan, &self.limits);
        self.last = Some(plan.clone());
        for copy in &plan.copies {
            self.copy(copy.from, copy.to);
        }
        if self.random.chance(self.fail_percent) {
            self.scribble(plan);
            return Err(StepFailed);
        }
        let mut output = StepOutput::default();
        for work in &plan.works {
            let contexts = self.forward(work);
            let samples = work.samples.iter().map(|spec| sample(contexts[spec.row], work.seen(spec), spec));
            output.samples.extend(samples);
            let scores = work.scores.iter().map(|spec| score(contexts[spec.row], spec.token, &spec.params));
            output.scores.extend(scores);
            let told = &contexts[work.states_from.unwrap_or(contexts.len() - 1)..];
            let vector = |context: &u64| pool(*context, work.second, &work.asked, work.states_from.is_some());
            let vectors = || told.iter().map(vector).collect::<Result<Vec<_>, _>>().map(|vectors| vectors.concat());
            output.vectors.extend(work.pooled.then(|| SequenceVector { seq: work.seq, vector: vectors() }));
        }
        Ok(output)
    }
}

fn sample(context: u64, seen: &[Token], spec: &SampleSpec) -> Sample {
    let Some(count) = spec.params.num_candidates() else { return Sample::new(spec.seq, draw(context, seen, spec)) };
    match candidates(context, seen, spec) {
        Err(fault) => Sample::new(spec.seq, Err(fault)),
        Ok(mut candidates) => {
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
            candidates.truncate(count);
            Sample { candidates, ..Sample::new(spec.seq, Ok(0)) }
        }
    }
}

/// What every executor relies on: whole tables, each sequence once, and written blocks in one table only.
fn check_plan(plan: &StepPlan, limits: &Limits) {
    let mut seqs = BTreeSet::new();
    let mut holders: BTreeMap<BlockId, usize> = BTreeMap::new();
    for work in &plan.works {
        assert!(seqs.insert(work.seq), "{:?} is in the plan once", work.seq);
        assert!(!work.tokens.is_empty(), "a work computes something");
        let end = work.start + work.tokens.len();
        assert_eq!(work.blocks.len(), limits.blocks_for(end), "a table covers its positions");
        // A block that stands in the place of those that were given back is named more than once.
        for block in work.blocks.iter().copied().collect::<BTreeSet<_>>() {
            *holders.entry(block).or_default() += 1;
        }
    }
    for work in &plan.works {
        for block in work.blocks.iter().skip(work.start / limits.block_size) {
            assert_eq!(holders[block], 1, "{block:?} is written by {:?} and held by nobody else", work.seq);
        }
    }
}
