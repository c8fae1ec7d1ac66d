//! The weights of one of several MLPs in a layer.

use super::WeightShape;
use crate::config::DecoderConfig;

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

    pub(super) fn shape(self, config: &DecoderConfig) -> WeightShape {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        match self {
            Self::Gate | Self::Up => WeightShape::Matrix { rows: intermediate, columns: hidden },
            Self::Down => WeightShape::Matrix { rows: hidden, columns: intermediate },
        }
    }
}
