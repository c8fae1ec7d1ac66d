//! Positions by which the queries and keys of an encoder turn.

use super::RopeConfig;

/// How they turn.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryRule {
    /// In all layers.
    pub all: RopeConfig,
    /// In layers that see a window only, if they turn in another way.
    pub local: Option<RopeConfig>,
    /// Most tokens of a text: angles have no end, but the model was made for so many.
    pub max_tokens: usize,
}

impl RotaryRule {
    /// Of a window as files say it, the tokens that a token sees to each side, itself included.
    pub(crate) fn to_each_side(window: usize) -> usize {
        window / 2 + 1
    }

    /// How many kinds of angles a step has.
    pub(crate) fn kinds(&self) -> usize {
        1 + usize::from(self.local.is_some())
    }
}
