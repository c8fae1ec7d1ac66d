//! Streams: their events, in order and with one end, and their sum, which is the whole answer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    TestServer,
    client::{chat_body, json_request},
};

fn deltas(chunks: &[Value], index: usize) -> String {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    let own = choices.filter(|choice| choice["index"] == index);
    own.filter_map(|choice| choice["delta"]["content"].as_str().or(choice["text"].as_str())).collect()
}

#[tokio::test]
async fn deltas_add_up_to_the_whole_answer() {
    let server = TestServer::start();
    let settings = [
        json!({}),
        json!({"max_tokens": 7}),
        json!({"n": 3, "temperature": 1.0, "seed": 3}),
        json!({"stop": ["the", "in"]}),
        json!({"stop": "down below", "include_stop_str_in_output": true}),
    ];
    for fields in settings {
        let whole = server.chat(fields.clone()).await.json();
        let mut streamed = fields.clone();
        streamed["stream"] = json!(true);
        let chunks = server.chat(streamed).await.chunks();
        for choice in whole["choices"].as_array().unwrap() {
            let index = choice["index"].as_u64().unwrap() as usize;
            assert_eq!(deltas(&chunks, index), choice["message"]["content"], "{fields}");
        }
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_chat_stream_is_role_then_deltas_then_one_finish_for_each_choice() {
    let server = TestServer::start();
    let answer = server.chat(json!({"stream": true, "n": 2, "temperature": 1, "seed": 1})).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(answer.header("x-accel-buffering"), "no");
    let chunks = answer.chunks();
    for index in 0..2 {
        let own: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]).filter(|c| c["index"] == index).collect();
        assert_eq!(own[0]["delta"], json!({"role": "assistant", "content": ""}));
        let last = own.last().unwrap();
        assert_eq!((&last["delta"], &last["finish_reason"]), (&json!({}), &json!("stop")));
        assert_eq!(last.get("stop_reason"), Some(&Value::Null));
        assert!(own[..own.len() - 1].iter().all(|choice| choice["finish_reason"].is_null()));
        assert!(own[1..].iter().all(|choice| choice["delta"].get("role").is_none()));
    }
    for member in ["id", "object", "created", "model", "system_fingerprint"] {
        assert!(chunks.iter().all(|chunk| chunk[member] == chunks[0][member]), "{member}");
    }
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test]
async fn usage_comes_last_and_only_if_asked_for() {
    let server = TestServer::start();
    let whole = server.chat(json!({})).await.json();
    let chunks = server.chat(json!({"stream": true, "stream_options": {"include_usage": true}})).await.chunks();
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    for member in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(last["usage"][member], whole["usage"][member], "{member}");
    }
    assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));

    let options = json!({"include_usage": true, "continuous_usage_stats": true});
    let chunks = server.chat(json!({"stream": true, "stream_options": options})).await.chunks();
    let counts: Vec<_> = chunks.iter().map(|chunk| chunk["usage"]["completion_tokens"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted() && counts[0] >= 1, "{counts:?}");
}

#[tokio::test]
async fn a_completion_stream_echoes_first_and_ends_with_an_empty_text() {
    let server = TestServer::start();
    let whole = server.complete(json!({"echo": true, "max_tokens": 20})).await.json();
    let chunks = server.complete(json!({"echo": true, "max_tokens": 20, "stream": true})).await.chunks();
    assert_eq!(chunks[0]["choices"][0]["text"], "once upon a time");
    assert_eq!(chunks[0]["object"], "text_completion");
    assert_eq!(chunks.last().unwrap()["choices"][0]["text"], "");
    assert_eq!(deltas(&chunks, 0), whole["choices"][0]["text"]);
}

#[tokio::test]
async fn streamed_logprobs_add_up_too() {
    let server = TestServer::start();
    let fields = json!({"logprobs": true, "top_logprobs": 1, "stop": ["over the"]});
    let whole = server.chat(fields.clone()).await.json();
    let mut streamed = fields;
    streamed["stream"] = json!(true);
    let chunks = server.chat(streamed).await.chunks();
    let entries: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .cloned()
        .collect();
    assert_eq!(json!(entries), whole["choices"][0]["logprobs"]["content"]);

    let whole = server.complete(json!({"logprobs": 2, "max_tokens": 25})).await.json();
    let chunks = server.complete(json!({"logprobs": 2, "max_tokens": 25, "stream": true})).await.chunks();
    for array in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        let parts = chunks.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"][array].as_array());
        let joined: Vec<_> = parts.flatten().cloned().collect();
        assert_eq!(json!(joined), whole["choices"][0]["logprobs"][array], "{array}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_status_also_with_a_stream() {
    let server = TestServer::start();
    let answer = server.chat(json!({"stream": true, "max_tokens": 100_000})).await;
    assert_eq!(answer.error(), (400, "context_length_exceeded".to_owned()));
    server.controls.fail(1);
    let answer = server.chat(json!({"stream": true})).await;
    assert_eq!(answer.error(), (500, "engine_error".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn headers_wait_15_s_at_most_and_silence_is_filled_with_comments() {
    let server = TestServer::start();
    server.controls.pause();
    let start = tokio::time::Instant::now();
    let mut stream = server.open(json_request("/v1/chat/completions", &chat_body(json!({"stream": true})))).await;
    assert_eq!(stream.status, 200);
    assert_eq!(start.elapsed(), Duration::from_secs(15));
    assert_eq!(stream.next().await.unwrap(), ": keep-alive");
    assert_eq!(stream.next().await.unwrap(), ": keep-alive");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    server.controls.resume();
}
