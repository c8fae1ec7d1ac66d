//! Lends one borrowed job to other threads, and takes it back before the borrow ends.
//!
//! Invariant: a thread runs the job only between entering the open slot and leaving it, and [`JobSlot::lend`] ends only
//! after the slot was closed and the last thread left, also when something unwinds. Threads that come too late find it
//! closed and are not waited for. Knows nothing about sleeping.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

/// A job that any number of threads may run at once.
pub type Job<'a> = &'a (dyn Fn() + Sync + 'a);

/// Threads may enter.
const OPEN: u64 = 1 << 31;
/// Added when a job is lent.
const GENERATION: u64 = 1 << 32;
/// How many threads are inside.
const INSIDE: u64 = OPEN - 1;
/// The lender spins this long for the last thread, then yields its core.
const SPIN: Duration = Duration::from_micros(100);

/// Holds at most one lent job.
pub struct JobSlot {
    lender: Mutex<()>,
    /// Generation, open bit, threads inside.
    state: AtomicU64,
    job: UnsafeCell<Option<Job<'static>>>,
}

// SAFETY: the cell is written only by the lender while the slot is closed and empty, and read only by threads inside;
// the job in it is `Sync`.
unsafe impl Sync for JobSlot {}
// SAFETY: as above; a reference to a `Sync` job may move to another thread.
unsafe impl Send for JobSlot {}

impl std::fmt::Debug for JobSlot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "JobSlot({:x})", self.state.load(Ordering::Relaxed))
    }
}

impl Default for JobSlot {
    fn default() -> Self {
        Self { lender: Mutex::new(()), state: AtomicU64::new(0), job: UnsafeCell::new(None) }
    }
}

impl JobSlot {
    /// Opens the slot with `job`, runs `meanwhile`, closes the slot and waits for the threads inside.
    /// False, with nothing run, if another job is lent.
    pub fn lend(&self, job: Job<'_>, meanwhile: impl FnOnce()) -> bool {
        let _only_lender = match self.lender.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // SAFETY: only the lifetime changes, and `closing` keeps this frame until no thread holds the job.
        let job = unsafe { std::mem::transmute::<Job<'_>, Job<'static>>(job) };
        // SAFETY: we are the only lender, and the slot is closed and empty, as every lender leaves it.
        unsafe { *self.job.get() = Some(job) };
        let _closing = Closing { slot: self };
        self.state.fetch_add(GENERATION | OPEN, Ordering::SeqCst);
        meanwhile();
        true
    }

    /// The number of the last job lent; a change says that there is (or was) something to do.
    pub fn generation(&self) -> u64 {
        self.state.load(Ordering::SeqCst) / GENERATION
    }

    /// Runs the lent job if the slot is open, else does nothing.
    pub fn visit(&self) {
        let enter = |state: u64| (state & OPEN != 0).then_some(state + 1);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter).is_err() {
            return;
        }
        let _leaving = Leaving { slot: self };
        // SAFETY: we are inside the open slot, so nobody writes the cell and the lender's borrow is alive.
        let job = unsafe { *self.job.get() };
        job.expect("an open slot holds a job")();
    }
}

/// Closes the slot and waits until it is empty.
struct Closing<'a> {
    slot: &'a JobSlot,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut state = self.slot.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut since = None;
        while state & INSIDE != 0 {
            if since.get_or_insert_with(Instant::now).elapsed() < SPIN {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
            state = self.slot.state.load(Ordering::Acquire);
        }
    }
}

/// Leaves the slot.
struct Leaving<'a> {
    slot: &'a JobSlot,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.slot.state.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_closed_slot_runs_nothing() {
        let (slot, runs) = (JobSlot::default(), AtomicUsize::new(0));
        let job = || _ = runs.fetch_add(1, Ordering::Relaxed);
        slot.visit();
        assert!(slot.lend(&job, || slot.visit()));
        slot.visit();
        assert_eq!((runs.load(Ordering::Relaxed), slot.generation()), (1, 1));
    }

    #[test]
    fn a_busy_slot_refuses_a_second_lender() {
        let slot = JobSlot::default();
        assert!(slot.lend(&|| (), || assert!(!slot.lend(&|| (), || ()))));
    }

    #[test]
    fn the_lender_waits_for_a_visitor() {
        let (slot, entered, left) = (JobSlot::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let job = || {
            entered.store(1, Ordering::SeqCst);
            (0..1000).for_each(|_| std::thread::yield_now());
            left.store(1, Ordering::SeqCst);
        };
        std::thread::scope(|scope| {
            slot.lend(&job, || {
                scope.spawn(|| slot.visit());
                while entered.load(Ordering::SeqCst) == 0 {
                    std::thread::yield_now();
                }
            });
            assert_eq!(left.load(Ordering::SeqCst), 1);
        });
    }
}
