//! One request's word to the engine thread: which of its choices are no longer wanted.
//!
//! Flags instead of messages, so that leaving can never fail, wait or fill a channel. The engine thread reads them
//! before every step; raising one twice, or after the end, has no effect.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Shared by the request and the engine thread.
#[derive(Debug)]
pub struct Ticket {
    left: AtomicBool,
    enough: Box<[AtomicBool]>,
}

impl Ticket {
    /// A ticket whose `choices` are all wanted.
    pub fn new(choices: usize) -> Self {
        Self { left: AtomicBool::new(false), enough: (0..choices).map(|_| AtomicBool::new(false)).collect() }
    }

    /// This choice has all the text it needs.
    pub fn enough(&self, choice: usize) {
        self.enough[choice].store(true, Relaxed);
    }

    /// Nobody waits for the request any more.
    pub fn leave(&self) {
        self.left.store(true, Relaxed);
    }

    /// Whether nobody waits for the request.
    pub fn has_left(&self) -> bool {
        self.left.load(Relaxed)
    }

    /// Whether the engine may forget this choice.
    pub fn is_unwanted(&self, choice: usize) -> bool {
        self.has_left() || self.enough[choice].load(Relaxed)
    }
}
