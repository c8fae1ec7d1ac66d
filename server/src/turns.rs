//! Fair turns on the cores: the steps of all models run one at a time, because each of them uses every thread.
//!
//! Whoever has had the least time goes next, so models that always have work share the time in equal parts however long
//! their steps are, and none starves. A model that was idle is owed nothing for it. A worker keeps the turn while it has
//! work and nobody has had less; a model alone pays for a lock that nobody else wants.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::clock::Clock;

/// What the workers of all models wait for.
#[derive(Debug)]
pub struct Turns {
    clock: Clock,
    queue: Mutex<FairQueue>,
    passed_on: Condvar,
}

/// One worker's place among them; it is given up when this is dropped.
#[derive(Debug)]
pub struct Seat {
    turns: Arc<Turns>,
    id: u64,
    /// Since when it has the turn, if it has.
    since: Option<Duration>,
}

impl Turns {
    /// Turns that nobody takes yet.
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, queue: Mutex::default(), passed_on: Condvar::new() })
    }

    /// A place for one more worker.
    pub fn seat(self: &Arc<Self>) -> Seat {
        Seat { id: self.queue().join(), turns: Arc::clone(self), since: None }
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits for the turn. Who has it keeps it, unless one of those that wait has had less time.
    pub fn take(&mut self) {
        let Self { turns, id, since } = self;
        let mut queue = turns.queue();
        match since.take() {
            Some(since) => queue.charge(*id, turns.clock.now().saturating_sub(since)),
            None => queue.arrive(*id),
        }
        if queue.holder != Some(*id) {
            turns.passed_on.notify_all();
            let waiting = turns.passed_on.wait_while(queue, |queue| queue.holder != Some(*id));
            queue = waiting.unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        *since = Some(turns.clock.now());
    }

    /// Gives the turn up, if it has it, and wants none until it takes one again.
    pub fn leave(&mut self) {
        if let Some(since) = self.since.take() {
            let elapsed = self.turns.clock.now().saturating_sub(since);
            self.turns.queue().leave(self.id, elapsed);
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
    /// The account of whoever had the turn last, as it began.
    time: Duration,
    seats_so_far: u64,
    turns_so_far: u64,
}

#[derive(Debug, Default)]
struct Account {
    used: Duration,
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

    fn account(&mut self, id: u64) -> &mut Account {
        self.seats.get_mut(&id).expect("a seat is there until it is dropped")
    }
}

#[cfg(test)]
mod tests;
