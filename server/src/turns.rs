//! Fair turns on the cores: one model computes at a time, because each of them uses every thread.
//!
//! Whoever has had the least time goes next, so models that always have work share the time in equal parts however long
//! their steps are, and none starves. A model that was idle is owed nothing for it. A worker keeps the turn while it has
//! work and nobody has had less; a model alone pays for a clock and a lock that nobody else wants, at each layer.
//!
//! A turn ends with a step, or between two layers of a long one: whoever has short steps does not wait for whole long ones.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, pulse::Pulse};

/// A turn that ends within a step has lasted so long. A change costs about a tenth of a millisecond: threads wake, and those
/// of the model that stops look for work a little longer.
const SLICE: Duration = Duration::from_millis(5);

/// What the workers of all models wait for.
#[derive(Debug)]
pub struct Turns {
    clock: Clock,
    queue: Mutex<FairQueue>,
    passed_on: Condvar,
}

/// One worker's place among them; it is given up when this is dropped. It is for one thread, whatever of it asks for turns.
#[derive(Debug)]
pub struct Seat {
    turns: Arc<Turns>,
    id: u64,
    /// Who waits for its turn does not stall: whoever has it is watched.
    pulse: Arc<Pulse>,
}

impl Turns {
    /// Turns that nobody takes yet.
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, queue: Mutex::default(), passed_on: Condvar::new() })
    }

    /// A place for one more worker, whose pulse this is.
    pub fn seat(self: &Arc<Self>, pulse: Arc<Pulse>) -> Seat {
        Seat { id: self.queue().join(), turns: Arc::clone(self), pulse }
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits for the turn. Who has it keeps it, unless one of those that wait has had less time.
    pub fn take(&self) {
        let Self { turns, id, pulse } = self;
        let mut queue = turns.queue();
        let asked = turns.clock.now();
        if queue.is_held_by(*id) {
            let elapsed = asked.saturating_sub(queue.since);
            queue.charge(*id, elapsed);
        } else {
            queue.arrive(*id);
        }
        if !queue.is_held_by(*id) {
            turns.passed_on.notify_all();
            pulse.idle();
            let waiting = turns.passed_on.wait_while(queue, |queue| !queue.is_held_by(*id));
            queue = waiting.unwrap_or_else(PoisonError::into_inner);
            pulse.working();
            queue.account(*id).waited += turns.clock.now().saturating_sub(asked);
        }
        queue.since = turns.clock.now();
    }

    /// Within a step: takes the turn anew if this one has been long, so that who comes later owes nothing for the time before.
    /// Does nothing without a turn.
    pub fn offer(&self) {
        let queue = self.turns.queue();
        let is_due = queue.is_held_by(self.id) && self.turns.clock.now().saturating_sub(queue.since) >= SLICE;
        drop(queue);
        if is_due {
            self.take();
        }
    }

    /// How long it has waited for turns, all together.
    pub fn waited(&self) -> Duration {
        self.turns.queue().account(self.id).waited
    }

    /// Gives the turn up, if it has it, and wants none until it takes one again.
    pub fn leave(&self) {
        let mut queue = self.turns.queue();
        if queue.is_held_by(self.id) {
            let elapsed = self.turns.clock.now().saturating_sub(queue.since);
            queue.leave(self.id, elapsed);
            self.turns.passed_on.notify_all();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
        self.turns.queue().seats.remove(&self.id);
    }
}

/// Who has had how much time, and whose turn it is.
///
/// Time is virtual: a seat's account is the time it has had, but who comes back from being idle stands at least where the
/// others are.
#[derive(Debug, Default)]
struct FairQueue {
    seats: BTreeMap<u64, Account>,
    holder: Option<u64>,
    /// Since when the holder has had the turn, once it has heard of it.
    since: Duration,
    /// The account of whoever had the turn last, as it began.
    time: Duration,
    seats_so_far: u64,
    turns_so_far: u64,
}

#[derive(Debug, Default)]
struct Account {
    used: Duration,
    waited: Duration,
    wants: bool,
    /// The number of its last turn: of equal accounts the one that waits longest goes first.
    last: u64,
}

impl FairQueue {
    /// A new seat, which wants nothing yet.
    fn join(&mut self) -> u64 {
        self.seats_so_far += 1;
        self.seats.insert(self.seats_so_far, Account::default());
        self.seats_so_far
    }

    /// A seat that was idle wants a turn.
    fn arrive(&mut self, id: u64) {
        let time = self.time;
        let account = self.account(id);
        account.wants = true;
        account.used = account.used.max(time);
        self.pass_on();
    }

    /// Its turn took so long, and it wants another.
    fn charge(&mut self, id: u64, elapsed: Duration) {
        self.account(id).used += elapsed;
        self.holder = None;
        self.pass_on();
    }

    /// Its turn took so long, and it wants no other.
    fn leave(&mut self, id: u64, elapsed: Duration) {
        let account = self.account(id);
        account.used += elapsed;
        account.wants = false;
        self.holder = None;
        self.pass_on();
    }

    /// Gives a free turn to whoever has had the least.
    fn pass_on(&mut self) {
        if self.holder.is_some() {
            return;
        }
        let wanting = self.seats.iter_mut().filter(|(_, account)| account.wants);
        if let Some((id, account)) = wanting.min_by_key(|(_, account)| (account.used, account.last)) {
            self.turns_so_far += 1;
            account.last = self.turns_so_far;
            self.holder = Some(*id);
            self.time = self.time.max(account.used);
        }
    }

    fn is_held_by(&self, id: u64) -> bool {
        self.holder == Some(id)
    }

    fn account(&mut self, id: u64) -> &mut Account {
        self.seats.get_mut(&id).expect("a seat is there until it is dropped")
    }
}

#[cfg(test)]
mod tests;
