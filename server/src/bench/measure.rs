//! Runs a job some times over and takes a reading of the machine beside it.

use std::time::Instant;

use engine::{
    Engine, ModelCost, StepCost,
    error::StepError,
    limits::{LimitProbe, MachineLimits},
};
use scheduler::{Executor, RowFault, StepOutput, StepPlan};

use super::job::Job;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A step failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A token could not be drawn.
    #[error("a token could not be drawn: {0}")]
    Row(#[from] RowFault),
}

/// One job's repetitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What was run.
    pub job: Job,
    /// Seconds inside the engine's steps, for each repetition.
    pub seconds: Vec<f64>,
    /// What one repetition must read and multiply.
    pub cost: StepCost,
    /// What the machine could do just before.
    pub limits: MachineLimits,
}

/// The engine under test.
#[derive(Debug)]
pub struct Bench {
    /// Runs the steps.
    pub engine: Engine,
    /// Knows what they must read and multiply.
    pub cost: ModelCost,
    /// Measures the machine on the engine's own threads.
    pub probe: LimitProbe,
    /// Tokens that prompts are made of.
    pub vocab_size: usize,
}

impl Bench {
    /// Measures a job: once to warm up, then `repetitions` times.
    pub fn measure(&mut self, job: Job, repetitions: usize) -> Result<Measured, MeasureError> {
        let limits = self.probe.measure(self.engine.cpu());
        if matches!(job, Job::Decode { .. }) {
            for step in job.prompt_steps(self.vocab_size) {
                self.engine.step(&step)?;
            }
        }
        let (_, cost) = self.once(job)?;
        let seconds = (0..repetitions).map(|_| Ok(self.once(job)?.0)).collect::<Result<_, MeasureError>>()?;
        Ok(Measured { job, seconds, cost, limits })
    }

    /// Seconds of one repetition, and its cost.
    fn once(&mut self, job: Job) -> Result<(f64, StepCost), MeasureError> {
        let (mut seconds, mut cost) = (0.0, StepCost::default());
        match job {
            Job::Prompt { .. } => {
                for step in job.prompt_steps(self.vocab_size) {
                    seconds += self.timed(&step)?.0;
                    cost += self.cost.step(&step);
                }
            }
            Job::Decode { tokens, .. } => {
                let mut step = job.first_decode(self.vocab_size);
                for _ in 0..tokens {
                    let (elapsed, output) = self.timed(&step)?;
                    seconds += elapsed;
                    cost += self.cost.step(&step);
                    for (work, sample) in step.works.iter_mut().zip(output.samples) {
                        work.tokens[0] = sample.token?;
                        work.start += 1;
                    }
                }
            }
        }
        Ok((seconds, cost))
    }

    fn timed(&mut self, step: &StepPlan) -> Result<(f64, StepOutput), MeasureError> {
        let since = Instant::now();
        let output = self.engine.step(step)?;
        Ok((since.elapsed().as_secs_f64(), output))
    }
}
