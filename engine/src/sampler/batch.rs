//! All draws of a step, spread over the threads. What a row draws does not depend on which thread draws it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use scheduler::{Sample, StepPlan};

use super::Sampler;
use crate::cpu::Cpu;

/// Samplers that no thread uses just now: as many as ever drew at once.
#[derive(Debug, Default)]
pub(crate) struct Samplers {
    idle: Mutex<Vec<Sampler>>,
}

impl Samplers {
    /// Draws for every spec of the plan, in its order. `logits`: `[works that sample, vocab]`
    pub(crate) fn sample(&self, cpu: &Cpu, plan: &StepPlan, logits: &[f32], vocab: usize) -> Vec<Sample> {
        let sampling = plan.works.iter().filter(|work| !work.samples.is_empty());
        let rows = sampling.zip(logits.chunks_exact(vocab));
        let draws: Vec<_> = rows.flat_map(|(work, row)| work.samples.iter().map(move |spec| (spec, row))).collect();
        let mut samples = vec![None; draws.len()];
        let items = draws.into_iter().zip(&mut samples);
        cpu.pool().for_each(items, |((spec, row), sample)| {
            let mut sampler = self.idle().pop().unwrap_or_default();
            *sample = Some(sampler.sample(row, spec));
            self.idle().push(sampler);
        });
        samples.into_iter().map(|sample| sample.expect("every draw was made")).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sampler>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
