//! Runs plans on real slots, one number for each KV position of a pool: it writes through the block tables and reads back
//! through them, as attention would. A step that fails leaves garbage in all it was to write.

use std::collections::{BTreeMap, BTreeSet};

use super::fake_model::{Sight, candidates, draw, pool, score, together};
use super::random::Random;
use crate::{
    BlockCopy, BlockId, Executor, KvPool, Limits, Passes, Sample, SampleSpec, SeqId, SequenceVector, StepOutput,
    StepPlan, Token, Work,
};

/// KV slots and the plan last run.
pub(super) struct FakeExecutor {
    /// Of each pool.
    slots: Vec<Vec<u64>>,
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
        let mut garbage = |slots: usize| -> Vec<u64> { (0..slots).map(|_| random.next()).collect() };
        let slots = limits.pools().map(|pool| garbage(limits.blocks_in(pool) * limits.block_size)).collect();
        Self { slots, limits: limits.clone(), random, fail_percent, roots: BTreeMap::new(), last: None }
    }

    fn slot(&mut self, pool: KvPool, work: &Work, position: usize) -> &mut u64 {
        let block_size = self.limits.block_size;
        let block = table(pool, work)[position / block_size];
        &mut self.slots[pool.index()][block.index() * block_size + position % block_size]
    }

    fn copy(&mut self, copy: BlockCopy) {
        let block_size = self.limits.block_size;
        let from = copy.from.index() * block_size;
        self.slots[copy.pool.index()].copy_within(from..from + block_size, copy.to.index() * block_size);
    }

    /// Writes the KV of a work and returns what each of its positions has seen.
    fn forward(&mut self, work: &Work) -> Vec<u64> {
        let seen: Vec<Vec<u64>> = self.limits.pools().map(|pool| self.forward_in(pool, work)).collect();
        (0..work.tokens.len()).map(|row| together(seen.iter().map(|seen| seen[row]))).collect()
    }

    /// The same in the layers of one pool.
    fn forward_in(&mut self, pool: KvPool, work: &Work) -> Vec<u64> {
        let mut sight = Sight::of(self.roots[&work.seq], (pool, &self.limits), work.start);
        for position in sight.position()..work.start {
            sight.read(*self.slot(pool, work, position));
        }
        let mut values = Vec::new();
        for (position, &token) in (work.start..).zip(&work.tokens) {
            let written = sight.write(token);
            if self.limits.passes == Passes::Cached {
                *self.slot(pool, work, position) = written;
            }
            values.push(sight.value());
        }
        values
    }

    fn scribble(&mut self, plan: &StepPlan) {
        for work in plan.works.iter().filter(|work| !work.blocks.is_empty()) {
            for position in work.start..work.start + work.tokens.len() {
                for pool in self.limits.pools() {
                    let garbage = self.random.next();
                    *self.slot(pool, work, position) = garbage;
                }
            }
        }
    }
}

/// A work's blocks of one pool.
fn table(pool: KvPool, work: &Work) -> &[BlockId] {
    match pool {
        KvPool::Main => &work.blocks,
        KvPool::Windowed => &work.windowed,
    }
}

impl Executor for FakeExecutor {
    type Error = StepFailed;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, StepFailed> {
        check_plan(plan, &self.limits);
        self.last = Some(plan.clone());
        for copy in &plan.copies {
            self.copy(*copy);
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
    for work in &plan.works {
        assert!(seqs.insert(work.seq), "{:?} is in the plan once", work.seq);
        assert!(!work.tokens.is_empty(), "a work computes something");
        assert!(limits.windowed.is_some() || work.windowed.is_empty(), "a table is of a pool that there is");
    }
    limits.pools().for_each(|pool| check_tables(pool, plan, limits));
}

fn check_tables(pool: KvPool, plan: &StepPlan, limits: &Limits) {
    let mut holders: BTreeMap<BlockId, usize> = BTreeMap::new();
    for work in &plan.works {
        let end = work.start + work.tokens.len();
        assert_eq!(table(pool, work).len(), limits.blocks_for(end), "a table covers its positions");
        // A block that stands in the place of those that were given back is named more than once.
        for block in table(pool, work).iter().copied().collect::<BTreeSet<_>>() {
            *holders.entry(block).or_default() += 1;
        }
    }
    for work in &plan.works {
        for block in table(pool, work).iter().skip(work.start / limits.block_size) {
            assert_eq!(holders[block], 1, "{block:?} is written by {:?} and held by nobody else", work.seq);
        }
    }
}
