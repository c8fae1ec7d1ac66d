//! All draws of a step, spread over the threads. What a row draws does not depend on which thread draws it.

use scheduler::{Sample, SampleSpec, StepPlan, Token};

use super::Sampler;
use crate::cpu::Cpu;
use crate::shelf::Shelf;

/// Samplers that no thread uses just now: as many as ever drew at once.
#[derive(Debug, Default)]
pub(crate) struct Samplers {
    idle: Shelf<Sampler>,
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
    /// Draws for every spec of the plan, in its order. `logits`: `[different rows of specs, vocab]`, and maybe more.
    pub(crate) fn sample(&self, cpu: &Cpu, plan: &StepPlan, logits: &[f32], vocab: usize) -> Vec<Sample> {
        let mut samples = vec![None; plan.works.iter().map(|work| work.samples.len()).sum()];
        let draws = draws(plan, logits, vocab).zip(&mut samples);
        cpu.pool().for_each_with(&self.idle, draws, |sampler, (draw, sample)| {
            *sample = Some(sampler.sample(cpu.isa(), draw));
        });
        samples.into_iter().map(|sample| sample.expect("every draw was made")).collect()
    }
}

/// Every spec of the plan with its row; specs of one row of a work share it.
fn draws<'a>(plan: &'a StepPlan, logits: &'a [f32], vocab: usize) -> impl Iterator<Item = Draw<'a>> + Send {
    let specs = plan.works.iter().enumerate().flat_map(|(index, work)| {
        let of_work = move |spec| (index, work, spec);
        work.samples.iter().map(of_work)
    });
    let (mut rows, mut last, mut row) = (logits.chunks_exact(vocab), None, &[][..]);
    specs.map(move |(index, work, spec)| {
        if last.replace((index, spec.row)) != Some((index, spec.row)) {
            row = rows.next().expect("every row that is drawn from has logits");
        }
        Draw { spec, row, seen: work.seen(spec) }
    })
}
