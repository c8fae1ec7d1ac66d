//! The weights that each head has of its own.

/// A weight of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadWeight {
    /// Norm of a query head `[head_dim]`.
    QueryNorm,
    /// Norm of a key head `[head_dim]`.
    KeyNorm,
}
