//! Sequences of an accepted job that wait for their turn outside the scheduler.
//!
//! However long a list is, it has few places in the queue and among those that run: as one of its sequences ends, the
//! next one is handed in, behind whatever came meanwhile.

use std::{collections::VecDeque, sync::Arc};

use scheduler::{Event, Submission};
use tokio::sync::mpsc;

use crate::ticket::Ticket;

/// What is left of a job.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// In their order, each with one sequence.
    pub(crate) left: VecDeque<Submission>,
    /// The number of the first of them within the job.
    pub(crate) next: usize,
    /// Most sequences of the job that the scheduler knows.
    pub(crate) at_once: usize,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) events: mpsc::Sender<(usize, Event)>,
}

impl Backlog {
    /// Whether there is something to hand in, and somebody who wants it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.left.is_empty() && !self.ticket.has_left() && !self.events.is_closed()
    }

    /// Prompt tokens of the one that comes next.
    pub(crate) fn next_tokens(&self) -> Option<usize> {
        self.left.front().map(|submission| submission.prompt.len())
    }
}
