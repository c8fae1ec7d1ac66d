//! Several models in one process: whose turn it is on the cores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
use server::clock::Clock;

use crate::support::{
    cores::Cores,
    pair::{Pair, rest, stream_of},
};

/// On a clock that stands still all steps are equally long: the models take turns.
#[tokio::test]
async fn steps_of_two_models_never_overlap_and_none_starves() {
    let pair = Pair::start_at(Clock::new(|| Duration::ZERO));
    let (server, cores) = (Arc::clone(&pair.server), Arc::<Cores>::default());
    for controls in [&server.controls, &pair.beta] {
        controls.compute_on(&cores);
    }
    server.controls.never_end();
    server.controls.pause_at(3);
    let stream = server.open(stream_of("alpha")).await;
    server.until_stepping().await;
    let asked = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({"model": "beta"})).await }
    });
    server.until_requests_of("beta", 1).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        assert_eq!(pair.beta.steps(), 0, "alpha has the cores");
    }
    server.controls.pause_at(400);
    server.controls.resume();
    assert_eq!(asked.await.unwrap().status, 200, "beta does not wait for alpha's end");
    server.until_stepping().await;
    pair.beta.never_end();
    let other = tokio::spawn({
        let server = Arc::clone(&server);
        async move { rest(server.open(stream_of("beta")).await).await }
    });
    server.until_requests_of("beta", 1).await;
    server.controls.resume();
    assert!(rest(stream).await > 100 && other.await.unwrap() > 100);
    assert!(cores.steps() > 1500, "both had hundreds of steps to go: {}", cores.steps());
    assert_eq!(cores.overlaps(), 0);
}

#[test]
fn the_watch_sees_two_steps_at_once() {
    let cores = Cores::default();
    drop((cores.enter(), cores.enter()));
    drop(cores.enter());
    assert_eq!((cores.steps(), cores.overlaps()), (3, 1));
}

#[tokio::test]
async fn who_waits_for_its_turn_does_not_stall() {
    let seconds = Arc::<AtomicU64>::default();
    let hand = Arc::clone(&seconds);
    let pair = Pair::start_at(Clock::new(move || Duration::from_secs(seconds.load(Relaxed))));
    let ask = |model: &'static str| {
        let server = Arc::clone(&pair.server);
        tokio::spawn(async move { server.chat(json!({"model": model})).await.status })
    };
    pair.beta.pause();
    let of_beta = ask("beta");
    let beta = Arc::clone(&pair.beta);
    tokio::task::spawn_blocking(move || beta.wait_for_step()).await.unwrap();
    pair.server.controls.pause();
    let of_alpha = ask("alpha");
    pair.server.until_requests_of("alpha", 1).await;
    hand.store(9, Relaxed);
    pair.beta.resume();
    pair.server.until_stepping().await;
    hand.store(12, Relaxed);
    assert_eq!(pair.server.get("/ready").await.status, 200, "alpha stepped 3 s ago, and beta waits for it");
    pair.server.controls.resume();
    assert_eq!((of_alpha.await.unwrap(), of_beta.await.unwrap()), (200, 200));
}
