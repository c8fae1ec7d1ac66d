//! Loading, serving, draining, the cut: what is answered in each.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use server::{clock::Clock, config::Lifecycle};

use crate::support::{
    Setup, TestServer,
    client::{chat_body, completion_body, json_request},
};

fn lifecycle(grace: Duration) -> Lifecycle {
    Lifecycle { shutdown_timeout: grace, drain_delay: Duration::ZERO, stall_timeout: Duration::from_mins(1) }
}

#[tokio::test]
async fn while_loading_probes_say_so_and_work_is_refused() {
    let setup = Setup::default();
    let mut server = TestServer::loading(&setup);
    for (path, status, word) in [("/health", 503, "loading"), ("/ready", 503, "loading"), ("/live", 200, "ok")] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.json()), (status, json!({"status": word})), "{path}");
    }
    for answer in [server.chat(json!({})).await, server.complete(json!({})).await, server.get("/v1/models").await] {
        assert_eq!(answer.error(), (503, "model_loading".to_owned()));
        assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
        answer.header("retry-after-ms").parse::<u64>().unwrap();
    }
    assert_eq!(server.get("/metrics").await.status, 200);
    server.load(setup.limits);
    for path in ["/health", "/ready", "/live"] {
        assert_eq!(server.get(path).await.json(), json!({"status": "ok"}));
    }
    assert_eq!(server.chat(json!({})).await.status, 200);
}

#[tokio::test]
async fn draining_refuses_new_work_and_lets_accepted_work_finish() {
    let server = Arc::new(TestServer::start());
    server.controls.pause();
    let running = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({})).await }
    });
    server.until_stepping().await;
    let shutdown = Arc::clone(server.app.shutdown());
    let draining = tokio::spawn(async move { shutdown.drain(lifecycle(Duration::from_secs(30)), pending()).await });
    while server.get("/ready").await.status == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.get("/ready").await.json(), json!({"status": "draining"}));
    assert_eq!(server.get("/health").await.status, 200);
    let refused = server.chat(json!({})).await;
    assert_eq!(refused.error(), (503, "shutting_down".to_owned()));
    assert_eq!(refused.header("connection"), "close");
    refused.header("retry-after");
    server.controls.resume();
    assert_eq!(running.await.unwrap().status, 200);
    draining.await.unwrap();
}

#[tokio::test]
async fn the_cut_gives_each_rest_exactly_one_error() {
    let server = Arc::new(TestServer::start());
    server.controls.never_end();
    server.controls.pause_at(20);
    let fields = json!({"stream": true, "max_tokens": 900});
    let mut stream = server.open(json_request("/v1/completions", &completion_body(fields))).await;
    assert!(stream.next().await.unwrap().starts_with("data: {"));
    server.until_stepping().await;
    let waiting = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({})).await }
    });
    server.until_requests(2).await;
    let shutdown = Arc::clone(server.app.shutdown());
    let cut = tokio::spawn(async move { shutdown.drain(lifecycle(Duration::ZERO), pending()).await });
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    assert!(events.last().unwrap().contains("shutting_down"), "{:?}", events.last());
    assert_eq!(events.iter().filter(|event| event.contains("\"error\"")).count(), 1);
    assert_eq!(waiting.await.unwrap().error(), (503, "shutting_down".to_owned()));
    drop(stream);
    cut.await.unwrap();
    server.controls.resume();
    server.assert_whole().await;
}

#[tokio::test]
async fn a_request_past_its_own_deadline_is_504_and_not_to_be_retried() {
    let server = TestServer::start();
    server.controls.never_end();
    let mut request = json_request("/v1/chat/completions", &chat_body(json!({})));
    request.headers_mut().insert("x-request-timeout-ms", "1".parse().unwrap());
    let answer = server.send(request).await;
    assert_eq!(answer.error(), (504, "request_timeout".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
    server.assert_whole().await;
}

#[tokio::test]
async fn probes_and_metrics_answer_while_a_step_hangs() {
    let server = Arc::new(TestServer::start());
    server.controls.pause();
    let hanging = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({})).await }
    });
    server.until_stepping().await;
    let start = Instant::now();
    for path in ["/health", "/live", "/ready", "/metrics", "/version", "/v1/models"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    server.controls.resume();
    assert_eq!(hanging.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_hanging_step_turns_ready_and_then_health_red() {
    let setup = Setup::default();
    let hand = Arc::new(AtomicU64::new(0));
    let clock = Clock::new({
        let hand = Arc::clone(&hand);
        move || Duration::from_secs(hand.load(Relaxed))
    });
    let mut server = TestServer::loading_at(&setup, clock);
    server.load(setup.limits);
    let server = Arc::new(server);
    server.controls.pause();
    let hanging = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({})).await }
    });
    server.until_stepping().await;
    for (second, ready, health) in [(9, 200, 200), (10, 503, 200), (59, 503, 200), (60, 503, 503)] {
        hand.store(second, Relaxed);
        let found = (server.get("/ready").await.status, server.get("/health").await.status);
        assert_eq!(found, (ready, health), "after {second} s");
    }
    assert_eq!(server.get("/live").await.json(), json!({"status": "stalled"}));
    server.controls.resume();
    assert_eq!(hanging.await.unwrap().status, 200);
    server.assert_whole().await;
    assert_eq!(server.get("/ready").await.status, 200);
}
