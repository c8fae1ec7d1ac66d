//! Rotary angles of a step, for all layers: those that see a window only may turn by frequencies of their own.

use crate::config::RopeConfig;
use crate::ops::rope::{Rope, RopeAngles};

/// How heads turn, in layers that see a window only and in the others; not at all where positions are learned, or slopes stand
/// in their place.
#[derive(Debug)]
pub(crate) struct LayerRopes {
    all: Option<Rope>,
    local: Option<Rope>,
}

/// The angles of a step's positions for both.
#[derive(Debug, Default)]
pub(crate) struct LayerAngles {
    all: Option<RopeAngles>,
    local: Option<RopeAngles>,
}

impl LayerRopes {
    /// For texts of so many tokens at most, whose heads turn in so many elements.
    pub(crate) fn new([all, local]: [Option<&RopeConfig>; 2], turned_dim: usize, longest: usize) -> Self {
        let rope = |rope| Rope::for_texts(rope, turned_dim, longest);
        Self { all: all.map(rope), local: local.map(rope) }
    }
}

impl LayerAngles {
    /// Takes the angles at these positions, keeping its memory.
    pub(crate) fn fill(&mut self, ropes: &LayerRopes, positions: &[usize]) {
        for (angles, rope) in [(&mut self.all, &ropes.all), (&mut self.local, &ropes.local)] {
            if let Some(rope) = rope {
                angles.get_or_insert_default().fill(rope, positions.iter().copied());
            }
        }
    }

    /// Those of one layer.
    pub(crate) fn of(&self, is_windowed: bool) -> Option<&RopeAngles> {
        self.local.as_ref().filter(|_| is_windowed).or(self.all.as_ref())
    }
}
