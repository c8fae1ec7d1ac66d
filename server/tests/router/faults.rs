//! Steps that fail or panic, and panics elsewhere: they cost their own requests one error each, and nothing else.

use serde_json::json;

use crate::support::{
    TestServer,
    client::{chat_body, json_request},
};

#[tokio::test]
async fn a_panic_in_a_step_costs_its_requests_a_500_and_nothing_else() {
    let server = TestServer::start();
    let before = server.chat(json!({})).await.json();
    server.controls.panic(1);
    assert_eq!(server.chat(json!({})).await.error(), (500, "engine_error".to_owned()));
    let after = server.chat(json!({})).await.json();
    assert_eq!(before["choices"], after["choices"]);
    server.assert_whole().await;
    assert!((server.metric("gondola:step_failures_total{engine=\"0\",kind=\"panic\"").await - 1.0).abs() < 0.1);
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_failed_step_ends_a_stream_with_one_error_event_and_no_done() {
    let server = TestServer::start();
    let mut stream = server.open(json_request("/v1/chat/completions", &chat_body(json!({"stream": true})))).await;
    assert!(stream.next().await.unwrap().contains("assistant"));
    server.controls.fail(1);
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    let last = events.last().unwrap();
    if last != "data: [DONE]" {
        let errors: Vec<_> = events.iter().filter(|event| event.contains("\"error\"")).collect();
        assert_eq!(errors, [last], "one error, and nothing after it");
        assert!(last.contains("engine_error") && !last.contains("told"), "{last}");
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn the_message_of_a_500_is_a_constant() {
    let server = TestServer::start();
    server.controls.panic(1);
    let first = server.chat(json!({})).await.json();
    server.controls.fail(1);
    let second = server.complete(json!({})).await.json();
    assert_eq!(first["error"], second["error"]);
    assert_eq!(first["error"]["type"], "server_error");
    for word in ["panic", "secret", ".rs", "/"] {
        assert!(!first["error"]["message"].as_str().unwrap().contains(word), "{first}");
    }
}

#[tokio::test]
async fn a_request_of_several_choices_has_one_error() {
    let server = TestServer::start();
    server.controls.fail(1);
    let answer = server.complete(json!({"prompt": ["one", "two"], "n": 2})).await;
    assert_eq!(answer.error(), (500, "engine_error".to_owned()));
    server.assert_whole().await;
}
