//! The weights of one of several MLPs in a layer.

use super::LayerWeight;

/// A weight of one of several MLPs in a layer. Matrices are `[out, in]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpertWeight {
    /// `[intermediate, hidden]`.
    Gate,
    /// `[intermediate, hidden]`.
    Up,
    /// `[hidden, intermediate]`.
    Down,
}

impl ExpertWeight {
    pub(crate) const ALL: [Self; 3] = [Self::Gate, Self::Up, Self::Down];

    /// The weight of a layer's only MLP that has this shape.
    pub(super) fn as_of_layer(self) -> LayerWeight {
        match self {
            Self::Gate => LayerWeight::Gate,
            Self::Up => LayerWeight::Up,
            Self::Down => LayerWeight::Down,
        }
    }
}
