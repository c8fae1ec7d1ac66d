//! An executor whose panics are step errors: a step that panics costs its own sequences, not the process.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use scheduler::{Executor, StepOutput, StepPlan};

/// Wraps an executor.
#[derive(Debug)]
pub struct GuardedExecutor<E>(pub E);

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepFailure<E: std::error::Error> {
    /// The executor said so.
    #[error("{0}")]
    Error(E),
    /// It panicked; the panic hook has logged where.
    #[error("the step panicked")]
    Panic,
}

impl<E: Executor> Executor for GuardedExecutor<E> {
    type Error = StepFailure<E::Error>;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Self::Error> {
        let step = catch_unwind(AssertUnwindSafe(|| self.0.step(plan)));
        step.map_err(|panic| forget(&panic))?.map_err(StepFailure::Error)
    }
}

/// The payload may hold a piece of someone's text, so it ends here.
fn forget<E: std::error::Error>(_panic: &Box<dyn Any + Send>) -> StepFailure<E> {
    StepFailure::Panic
}
