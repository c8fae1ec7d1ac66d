//! Continuous batching over a paged KV cache, as pure state: numbers in, numbers out.
//!
//! One step is `schedule` -> [`Executor::step`] -> `commit`; [`Driver::turn`] is that line. State changes only in
//! submit, abort, schedule, commit and fail. Nothing here reads a clock, starts a thread, opens a channel or draws
//! a random number, and nothing knows text, tensors or HTTP.
#![forbid(unsafe_code)]

mod acceptance;
mod beam_group;
mod beam_params;
mod beam_search;
mod block_pool;
mod block_table;
mod budget;
mod constraint;
mod driver;
mod error;
mod event;
mod executor;
mod ids;
mod kv_ledger;
mod kv_tables;
mod limits;
mod outbox;
mod pace;
mod plan;
mod planted_bug;
mod prediction;
mod prefix_cache;
mod prompt_lookup;
mod proposal;
mod queue;
mod sampling_params;
mod scheduler;
mod sequence;
#[cfg(test)]
mod simulation;
mod speculation;
mod stats;
mod submission;
mod untold;

pub use beam_params::BeamParams;
pub use block_pool::BlockCounts;
pub use constraint::{Constraint, MaskSource, MaskState, TokenMask};
pub use driver::{Driver, Turn};
pub use error::Reject;
pub use event::{Event, FinishReason, SequenceStats};
pub use executor::{Candidate, Executor, RowFault, Sample, Score, SequenceVector, StepOutput, TokenLogprobs};
pub use ids::{BlockId, KvPool, SeqId, Token};
pub use limits::{Limits, Passes, WindowedPool};
pub use plan::{BlockCopy, SampleSpec, ScoreSpec, StepPlan, Work};
pub use sampling_params::SamplingParams;
pub use speculation::{Speculation, SpeculationStats};
pub use stats::SchedulerStats;
pub use submission::Submission;
