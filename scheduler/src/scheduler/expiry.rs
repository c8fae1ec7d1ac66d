//! Ends those whose time is over, before a step is planned.

use super::Scheduler;
use crate::outbox::Outbox;
use crate::planted_bug::PlantedBug;

impl Scheduler {
    /// Ends every sequence past one of its deadlines.
    pub(super) fn expire(&mut self, outbox: &mut Outbox) {
        if self.planted.is(PlantedBug::DeadlineIgnored) {
            return;
        }
        let now = outbox.now;
        while let Some(index) = self.running.iter().position(|sequence| sequence.expired(now).is_some()) {
            let sequence = self.running.remove(index);
            let reason = sequence.expired(now).expect("it was found expired");
            self.end(sequence, reason, outbox);
        }
        while let Some(place) = self.waiting.position(|sequence| sequence.expired(now).is_some()) {
            let sequence = self.waiting.remove(place);
            let reason = sequence.expired(now).expect("it was found expired");
            self.end(sequence, reason, outbox);
        }
    }
}
