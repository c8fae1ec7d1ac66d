//! Many at once: full queues, clients that leave, readers that lag; and afterwards no block is missing.

use std::{sync::Arc, time::Instant};

use serde_json::json;

use crate::support::{
    Setup, TestServer,
    client::{completion_body, json_request},
};

fn small_queue() -> Setup {
    let mut setup = Setup::default();
    setup.limits.max_queued_requests = 2;
    setup.limits.max_num_seqs = 1;
    setup
}

#[tokio::test]
async fn a_full_queue_answers_429_at_once_and_says_when_to_come_back() {
    let server = Arc::new(TestServer::with(small_queue()));
    server.controls.pause();
    let send = || {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.complete(json!({})).await })
    };
    let mut accepted = vec![send()];
    server.until_stepping().await;
    accepted.push(send());
    server.until_requests(2).await;

    let start = Instant::now();
    let refused = server.complete(json!({})).await;
    assert!(start.elapsed().as_millis() < 100, "{:?}", start.elapsed());
    assert_eq!(refused.error(), (429, "queue_full".to_owned()));
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    assert_eq!(refused.header("x-llm-d-request-dropped-reason"), "rejected-saturated");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    let millis: u64 = refused.header("retry-after-ms").parse().unwrap();
    assert!((1..=60).contains(&seconds) && millis <= seconds * 1000 && millis + 1000 > seconds * 1000);

    server.controls.resume();
    for answer in accepted {
        assert_eq!(answer.await.unwrap().status, 200, "what was accepted completes");
    }
    server.assert_whole().await;
    assert!(
        server.metric("vllm:admission_rejections_total{engine=\"0\",model_name=\"fake\",reason=\"queue_full\"").await
            > 0.5
    );
    assert_eq!(server.complete(json!({})).await.status, 200);
}

#[tokio::test]
async fn an_idle_server_takes_a_request_longer_than_its_queue() {
    let mut setup = small_queue();
    setup.limits.max_queued_tokens = 16;
    let server = TestServer::with(setup);
    let prompts = vec!["once upon a time"; 5];
    let answer = server.complete(json!({"prompt": prompts, "max_tokens": 2})).await;
    assert_eq!((answer.status, answer.json()["choices"].as_array().unwrap().len()), (200, 5));
    server.assert_whole().await;
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_blocks_before_the_next_step() {
    let server = TestServer::start();
    server.controls.never_end();
    for _ in 0..20 {
        let fields = json!({"stream": true, "max_tokens": 900, "n": 2});
        let mut stream = server.open(json_request("/v1/completions", &completion_body(fields))).await;
        stream.next().await.unwrap();
        drop(stream);
        server.assert_whole().await;
    }
    assert!(
        (server
            .metric("gondola:cancelled_requests_total{engine=\"0\",model_name=\"fake\",reason=\"client_left\"")
            .await
            - 20.0)
            .abs()
            < 0.1
    );
    assert!(
        (server.metric("vllm:request_success_total{engine=\"0\",finished_reason=\"abort\"").await - 40.0).abs() < 0.1
    );
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_or_the_first_step_leaves_nothing_behind() {
    let server = Arc::new(TestServer::with(small_queue()));
    server.controls.pause();
    let send = || {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.complete(json!({})).await })
    };
    let first = send();
    server.until_stepping().await;
    let queued = send();
    server.until_requests(2).await;
    for request in [first, queued] {
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }
    server.controls.resume();
    server.assert_whole().await;
    assert_eq!(server.complete(json!({})).await.status, 200);
}

#[tokio::test]
async fn a_reader_too_far_behind_is_cut_and_others_go_on() {
    let mut setup = Setup::default();
    setup.limits.max_model_len = 8192;
    setup.limits.num_blocks = 4096;
    let server = TestServer::with(setup);
    server.controls.never_end();
    let fields = json!({"stream": true, "max_tokens": 8000});
    let mut lagging = server.open(json_request("/v1/completions", &completion_body(fields))).await;
    lagging.next().await.unwrap();
    assert_eq!(server.complete(json!({"max_tokens": 30})).await.status, 200);
    server.assert_whole().await;
    let mut last = String::new();
    while let Some(event) = lagging.next().await {
        last = event;
    }
    assert!(last.contains("\"error\"") && !last.contains("[DONE]"), "{last}");
    assert_eq!(server.complete(json!({"max_tokens": 30})).await.status, 200);
}

#[tokio::test]
async fn equal_requests_at_once_give_equal_answers() {
    let mut setup = Setup::default();
    setup.limits.num_blocks = 64;
    let server = Arc::new(TestServer::with(setup));
    let alone = server.complete(json!({"max_tokens": 60})).await.json();
    let answers: Vec<_> = (0..32)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.complete(json!({"max_tokens": 60})).await })
        })
        .collect();
    for answer in answers {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["choices"], alone["choices"]);
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn no_answer_holds_anything_of_another() {
    let server = Arc::new(TestServer::start());
    let ask = |server: Arc<TestServer>, index: usize| async move {
        let prompt = format!("prompt number {index}");
        let fields = json!({"prompt": prompt, "echo": true, "max_tokens": 50, "n": 1 + index % 2});
        server.complete(fields).await.json()["choices"].clone()
    };
    let mut alone = Vec::new();
    for index in 0..16 {
        alone.push(ask(Arc::clone(&server), index).await);
    }
    let together: Vec<_> = (0..16).map(|index| tokio::spawn(ask(Arc::clone(&server), index))).collect();
    for (expected, found) in alone.into_iter().zip(together) {
        assert_eq!(found.await.unwrap(), expected);
    }
}
