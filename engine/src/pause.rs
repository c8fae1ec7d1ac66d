//! What an engine does between two layers: nothing, unless its owner lends the cores to others meanwhile.

use std::fmt;

/// Called by the thread that runs a step, when none of the engine's threads computes: after each layer, before the head.
pub(crate) struct Pause(Box<dyn FnMut() + Send>);

impl Pause {
    /// What the owner does meanwhile.
    pub(crate) fn new(pause: impl FnMut() + Send + 'static) -> Self {
        Self(Box::new(pause))
    }

    /// A layer is done.
    pub(crate) fn between_layers(&mut self) {
        (self.0)();
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self::new(|| ())
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pause").finish_non_exhaustive()
    }
}
