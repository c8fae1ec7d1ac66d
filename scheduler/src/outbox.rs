//! The events of one turn and the time they happen at.

use std::time::Duration;

use crate::{Event, FinishReason, SeqId, SequenceStats};

/// Collects events at a given time.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The caller's clock.
    pub(crate) now: Duration,
    pub(crate) events: Vec<Event>,
}

impl Outbox {
    pub(crate) fn new(now: Duration) -> Self {
        Self { now, events: Vec::new() }
    }

    /// Tells that a sequence is over.
    pub(crate) fn finish(&mut self, seq: SeqId, reason: FinishReason, stats: SequenceStats) {
        let stats = SequenceStats { finished: self.now, ..stats };
        self.events.push(Event::Finished { seq, reason, stats });
    }
}
