//! The engine's threads: one fork and one join around each op.
//!
//! The caller works too, so a pool of one has no threads of its own. Workers spin for a short time after a job, because
//! the next op of a step follows at once, and sleep when none comes: an idle engine burns nothing. A worker that wakes
//! too late is not waited for. Which thread computes an item never changes its result: items are independent.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::kernels::job_slot::JobSlot;
use crate::shelf::Shelf;

/// How long a worker looks for the next job before it sleeps.
const SPIN: Duration = Duration::from_micros(100);
/// Looks between two readings of the clock.
const LOOKS_PER_READING: usize = 16;

/// A fixed number of threads that share the items of one op at a time.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

impl Pool {
    /// A pool of `threads` threads, at least one: the caller of [`Pool::for_each`] counts as the first.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let workers = (1..threads).map(|index| Worker::start(index, &shared)).collect();
        Self { shared, workers }
    }

    /// Threads that work on an op, with the caller.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` once for each item, on any thread, and returns when all are done. Items are taken in order; nothing
    /// is allocated for them. A panic in `work` is raised again here, after the others have finished. Within `work`, a
    /// second call runs on the calling thread alone.
    pub fn for_each<I: IntoIterator<IntoIter: Send>>(&self, items: I, work: impl Fn(I::Item) + Sync) {
        self.share(items.into_iter(), |mine| mine.for_each(&work));
    }

    /// As [`Pool::for_each`], with something off the shelf that `work` has to itself meanwhile.
    pub fn for_each_with<T: Default + Send, I: IntoIterator<IntoIter: Send>>(
        &self,
        shelf: &Shelf<T>,
        items: I,
        work: impl Fn(&mut T, I::Item) + Sync,
    ) {
        self.share(items.into_iter(), |mine| shelf.with(|thing| mine.for_each(|item| work(thing, item))));
    }

    /// Calls `work` on the threads that take part, with the items that each takes.
    fn share<I: Iterator + Send>(&self, items: I, work: impl Fn(OneByOne<'_, I>) + Sync) {
        let alone = self.workers.is_empty() || items.size_hint().1.is_some_and(|most| most <= 1);
        let items = Mutex::new(items);
        let work = || work(OneByOne(&items));
        if alone { work() } else { self.run(&work) }
    }

    /// Runs `share` on the caller and on every worker that comes in time.
    fn run(&self, share: &(dyn Fn() + Sync)) {
        let panic: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
        let caught = || {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(share)) {
                panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(payload);
            }
        };
        let lent = self.shared.slot.lend(&caught, || {
            self.workers.iter().for_each(Worker::wake);
            caught();
        });
        if !lent {
            caught();
        }
        if let Some(payload) = panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(payload);
        }
    }
}

/// Items that several threads take, each when it has done the one before.
struct OneByOne<'a, I>(&'a Mutex<I>);

impl<I: Iterator> Iterator for OneByOne<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for worker in &mut self.workers {
            worker.thread.unpark();
            if let Some(handle) = worker.handle.take() {
                handle.join().expect("workers catch the panics of their jobs");
            }
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    slot: JobSlot,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Worker {
    thread: Thread,
    asleep: Arc<AtomicBool>,
    handle: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(index: usize, shared: &Arc<Shared>) -> Self {
        let (shared, asleep) = (Arc::clone(shared), Arc::<AtomicBool>::default());
        let sleeps = Arc::clone(&asleep);
        let body = move || work_until_ended(&shared, &sleeps);
        let handle = std::thread::Builder::new().name(format!("engine-{index}")).spawn(body);
        let handle = handle.expect("the system has a thread for each core");
        Self { thread: handle.thread().clone(), asleep, handle: Some(handle) }
    }

    /// Costs a system call only if the worker sleeps.
    fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

fn work_until_ended(shared: &Shared, asleep: &AtomicBool) {
    let mut seen = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        if !spin_for_news(shared, seen) {
            asleep.store(true, Ordering::SeqCst);
            while !has_news(shared, seen) {
                std::thread::park();
            }
            asleep.store(false, Ordering::SeqCst);
        }
        seen = shared.slot.generation();
        shared.slot.visit();
    }
}

/// Whether a job was lent, or the pool ended, since generation `seen`.
fn has_news(shared: &Shared, seen: u64) -> bool {
    shared.slot.generation() != seen || shared.ended.load(Ordering::SeqCst)
}

/// Looks for news as long as spinning pays.
fn spin_for_news(shared: &Shared, seen: u64) -> bool {
    let since = Instant::now();
    while since.elapsed() < SPIN {
        for _ in 0..LOOKS_PER_READING {
            if has_news(shared, seen) {
                return true;
            }
            std::hint::spin_loop();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn sum_with(pool: &Pool, items: usize) -> usize {
        let sum = AtomicUsize::new(0);
        pool.for_each((0..items).collect::<Vec<_>>(), |item| _ = sum.fetch_add(item + 1, Ordering::Relaxed));
        sum.into_inner()
    }

    #[test]
    fn every_item_is_computed_once() {
        for threads in [1, 2, 3, 5] {
            let pool = Pool::new(threads);
            assert_eq!(pool.threads(), threads);
            for items in [0, 1, 2, 3, 100, 1000] {
                assert_eq!(sum_with(&pool, items), items * (items + 1) / 2);
            }
        }
    }

    #[test]
    fn workers_wake_again_after_sleeping() {
        let pool = Pool::new(2);
        let here = std::thread::current().id();
        for _ in 0..3 {
            while !pool.workers[0].asleep.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let helped = AtomicBool::new(false);
            pool.for_each(vec![(); 2], |()| {
                helped.fetch_or(std::thread::current().id() != here, Ordering::SeqCst);
                while !helped.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        for threads in [1, 2, 3] {
            let pool = Pool::new(threads);
            for guilty in [0, 7, 99] {
                let run = || pool.for_each((0..100).collect::<Vec<_>>(), |item| assert_ne!(item, guilty, "planted"));
                let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
                assert!(payload.downcast_ref::<String>().is_some_and(|message| message.contains("planted")));
                assert_eq!(sum_with(&pool, 100), 5050);
            }
        }
    }

    #[test]
    fn a_call_within_a_call_runs_on_its_own_thread() {
        let pool = Pool::new(2);
        let total = AtomicUsize::new(0);
        pool.for_each(vec![10, 20, 30], |items| _ = total.fetch_add(sum_with(&pool, items), Ordering::Relaxed));
        assert_eq!(total.into_inner(), 55 + 210 + 465);
    }

    #[test]
    fn callers_of_one_pool_do_not_wait_for_each_other() {
        let pool = Pool::new(2);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..100).for_each(|_| assert_eq!(sum_with(&pool, 50), 1275)));
            }
        });
    }
}
