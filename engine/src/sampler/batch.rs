//! All draws of a step, spread over the threads. What a row draws does not depend on which thread draws it.

use scheduler::{Sample, SampleSpec, StepPlan, Token, Work};

use super::Sampler;
use crate::cpu::Cpu;
use crate::shelf::Shelf;

/// Samplers that no thread uses just now: as many as ever drew at once.
#[derive(Debug, Default)]
pub(crate) struct Samplers {
    pub(super) idle: Shelf<Sampler>,
}

/// What one token is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw<'a> {
    pub(super) spec: &'a SampleSpec,
    /// `[vocab]`
    pub(super) row: &'a [f32],
    /// All tokens so far, if the settings ask for them.
    pub(super) seen: &'a [Token],
}

impl Samplers {
    /// Draws for every spec of the plan, in its order. `logits`: `[rows, vocab]` of each work in turn, those that are
    /// scored and then the different ones that are drawn from; and maybe more.
    pub(crate) fn sample(&self, cpu: &Cpu, plan: &StepPlan, logits: &[f32], vocab: usize) -> Vec<Sample> {
        let mut samples = vec![None; plan.num_samples()];
        let draws = draws(plan, logits, vocab).zip(&mut samples);
        cpu.pool().for_each_with(&self.idle, draws, |sampler, (draw, sample)| {
            *sample = Some(sampler.sample(cpu.isa(), draw));
        });
        samples.into_iter().map(|sample| sample.expect("every draw was made")).collect()
    }
}

/// The logits of one work.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkRows<'a> {
    /// One row for each score.
    pub(super) scored: &'a [f32],
    /// One row for the draws from each token.
    drawn: &'a [f32],
}

/// Every work of the plan with its logits.
pub(super) fn by_work<'a>(
    plan: &'a StepPlan,
    logits: &'a [f32],
    vocab: usize,
) -> impl Iterator<Item = (&'a Work, WorkRows<'a>)> + Send {
    let mut rest = logits;
    plan.works.iter().map(move |work| {
        let rows = work.samples.chunk_by(|a, b| a.row == b.row).count();
        let (scored, behind) = rest.split_at(work.scores.len() * vocab);
        let (drawn, behind) = behind.split_at(rows * vocab);
        rest = behind;
        (work, WorkRows { scored, drawn })
    })
}

/// Every spec of the plan with its row; specs of one row of a work share it.
fn draws<'a>(plan: &'a StepPlan, logits: &'a [f32], vocab: usize) -> impl Iterator<Item = Draw<'a>> + Send {
    by_work(plan, logits, vocab).flat_map(move |(work, rows)| {
        let runs = work.samples.chunk_by(|a, b| a.row == b.row).zip(rows.drawn.chunks_exact(vocab));
        runs.flat_map(move |(specs, row)| specs.iter().map(move |spec| Draw { spec, row, seen: work.seen(spec) }))
    })
}
