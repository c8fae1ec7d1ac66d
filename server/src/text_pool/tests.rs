//! The pool's bounds, one by one.

use std::{
    pin::Pin,
    sync::mpsc::{Receiver, Sender, channel},
    task::{Context, Poll, Waker},
};

use super::*;

/// A job that waits until it is let go, and says when it has begun.
fn gate() -> (impl FnOnce() + Send + 'static, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = channel();
    let (let_go, wait) = channel::<()>();
    let job = move || {
        begun.send(()).expect("the test listens");
        let _ = wait.recv();
    };
    (job, has_begun, let_go)
}

/// Polls a call once: its job is on its way, or it was refused.
fn called<F: Future>(call: F) -> Pin<Box<F>>
where
    F::Output: PartialEq,
{
    let mut call = Box::pin(call);
    let first = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(first == Poll::Pending, "the job cannot have ended");
    call
}

/// One thread in each lane.
fn narrow() -> TextPool {
    TextPool { small: Lane::new("small", 1), big: Lane::new("big", 1), waiting: Quota::new(MAX_WAITING) }
}

#[tokio::test]
async fn a_job_gives_its_result() {
    assert_eq!(TextPool::new().run(1, || 6 * 7).await, Ok(42));
    assert_eq!(TextPool::new().run(1 << 20, || "big").await, Ok("big"));
}

#[tokio::test]
async fn a_panic_fails_its_own_job_only() {
    let pool = narrow();
    let job = || -> u32 { panic!("a planted panic") };
    assert_eq!(pool.run(1, job).await, Err(PoolError::Panicked));
    assert_eq!(pool.run(1, || 1).await, Ok(1));
}

#[tokio::test]
async fn small_jobs_do_not_wait_behind_big_ones() {
    let pool = narrow();
    let (job, has_begun, let_go) = gate();
    let big = called(pool.run(SMALL_BYTES, job));
    has_begun.recv().expect("the big job begins");
    assert_eq!(pool.run(SMALL_BYTES - 1, || 7).await, Ok(7));
    drop(let_go);
    assert_eq!(big.await, Ok(()));
}

#[tokio::test]
async fn a_full_pool_refuses_at_once() {
    let pool = narrow();
    let (job, has_begun, let_go) = gate();
    let first = called(pool.run(1, job));
    has_begun.recv().expect("the first job begins");
    let waiting: Vec<_> = (0..MAX_WAITING).map(|index| called(pool.run(1, move || index))).collect();
    assert_eq!(pool.run(1, || 0).await, Err(PoolError::Full));
    assert_eq!(pool.run(SMALL_BYTES, || 0).await, Err(PoolError::Full));
    drop(let_go);
    assert_eq!(first.await, Ok(()));
    for (index, call) in waiting.into_iter().enumerate() {
        assert_eq!(call.await, Ok(index));
    }
    assert_eq!(pool.run(1, || 1).await, Ok(1));
}

#[tokio::test]
async fn a_job_without_a_caller_is_not_begun() {
    let pool = narrow();
    let (job, has_begun, let_go) = gate();
    let first = called(pool.run(1, job));
    has_begun.recv().expect("the first job begins");
    let (job_ran, observed) = channel();
    drop(called(pool.run(1, move || job_ran.send(()))));
    drop(let_go);
    assert_eq!(first.await, Ok(()));
    assert_eq!(pool.run(1, || 1).await, Ok(1));
    assert!(observed.try_recv().is_err(), "the unwanted job ran");
}
