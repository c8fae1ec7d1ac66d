//! Why a submission is refused. A refused request was never queued and holds nothing.

use crate::KvPool;

/// The reason, with the numbers a client can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// There is nothing to compute.
    #[error("prompt is empty")]
    Empty,
    /// Prompt and tokens to generate exceed the context.
    #[error("the request needs {} tokens ({prompt} in the prompt, {new} to generate), limit {limit}", prompt.saturating_add(*new))]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens to generate.
        new: usize,
        /// Most tokens of a sequence.
        limit: usize,
    },
    /// One of the pools, if it were empty, could not hold one of its sequences, or all its beams.
    #[error("the request needs {needed} KV blocks of the {} pool, which has {total}", pool.name())]
    NeverFits {
        /// Whose blocks.
        pool: KvPool,
        /// Blocks at its peak.
        needed: usize,
        /// Blocks in the pool.
        total: usize,
    },
    /// More choices than sequences that may run at once.
    #[error("the request has {choices} choices, limit {limit}")]
    TooManyChoices {
        /// Sequences asked for.
        choices: usize,
        /// Sequences that may run.
        limit: usize,
    },
    /// Too many requests wait.
    #[error("{waiting} requests are waiting, limit {limit}")]
    QueueFull {
        /// Requests waiting.
        waiting: usize,
        /// Requests that may wait.
        limit: usize,
    },
    /// Too many prompt tokens wait.
    #[error("{waiting} prompt tokens are waiting, limit {limit}")]
    QueueTokensFull {
        /// Prompt tokens waiting.
        waiting: usize,
        /// Prompt tokens that may wait.
        limit: usize,
    },
}
