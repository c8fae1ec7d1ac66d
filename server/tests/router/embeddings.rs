//! Vectors: their form, their numbers, their account; long lists beside others; and every refusal.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use server::{clock::Clock, config::Lifecycle, flags::Flags};

use crate::support::{
    MODEL, Setup, TestServer,
    client::{Answer, json_request},
    fake_executor::WIDTH,
    vocabulary::VOCAB_SIZE,
};

async fn embed(server: &TestServer, members: Value) -> Answer {
    let mut body = json!({"model": MODEL, "input": "once upon"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    server.post("/v1/embeddings", body).await
}

fn spawn(server: &Arc<TestServer>, members: Value) -> tokio::task::JoinHandle<Answer> {
    let server = Arc::clone(server);
    tokio::spawn(async move { embed(&server, members).await })
}

fn vectors(answer: &Answer) -> Vec<Vec<f32>> {
    let json = answer.json();
    let data = json["data"].as_array().unwrap_or_else(|| panic!("{json}"));
    let numbers = |item: &Value| serde_json::from_value(item["embedding"].clone()).unwrap();
    data.iter().map(numbers).collect()
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|number| number * number).sum::<f32>().sqrt()
}

/// A list of so many inputs that differ.
fn list(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("input {index}")).collect()
}

#[tokio::test]
async fn an_answer_has_the_documented_form() {
    let server = TestServer::start();
    let answer = embed(&server, json!({"input": ["once upon", "a time"], "user": "u", "priority": 1})).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text());
    let json = answer.json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["object", "model", "data", "usage", "timings"]);
    assert_eq!((&json["object"], &json["model"]), (&json!("list"), &json!(MODEL)));
    let tokens = "once upon".len() + "a time".len();
    assert_eq!(json["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}));
    for (index, item) in json["data"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
        assert_eq!(item.as_object().unwrap().len(), 3);
    }
    for vector in vectors(&answer) {
        assert_eq!(vector.len(), WIDTH);
        assert!((length(&vector) - 1.0).abs() < 1e-6, "unit length");
    }
    assert_eq!(json["timings"]["cached_tokens"], 0);
    answer.header("server-timing");
    answer.header("openai-processing-ms");
    let mut setup = Setup::default();
    setup.flags = Flags { request_accounting: Some(false), ..setup.flags };
    let quiet = embed(&TestServer::with(setup), json!({})).await;
    assert!(quiet.json().get("timings").is_none() && quiet.headers.get("server-timing").is_none());
    server.assert_whole().await;
}

#[tokio::test]
async fn an_input_has_one_vector_in_whatever_form_it_comes() {
    let server = TestServer::start();
    let ids: Vec<u8> = b"once upon".to_vec();
    let alone = vectors(&embed(&server, json!({})).await);
    for input in [json!(["once upon"]), json!(ids), json!([ids])] {
        assert_eq!(vectors(&embed(&server, json!({"input": input})).await), alone);
    }
    let listed = vectors(&embed(&server, json!({"input": ["another", "once upon", "a third"]})).await);
    assert_eq!(listed[1], alone[0]);
    assert_ne!(listed[0], alone[0]);
    let answer = embed(&server, json!({"encoding_format": "base64"})).await;
    let text = answer.json()["data"][0]["embedding"].as_str().unwrap().to_owned();
    let bytes = STANDARD.decode(text).unwrap();
    let decoded: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(decoded, alone[0]);
}

#[tokio::test]
async fn vectors_are_cut_and_normalised_as_asked() {
    let server = TestServer::start();
    let raw = vectors(&embed(&server, json!({"normalize": false})).await).remove(0);
    assert!(length(&raw) > 2.0, "{raw:?}");
    let cut = vectors(&embed(&server, json!({"dimensions": 3, "normalize": false})).await).remove(0);
    assert_eq!(cut, raw[..3]);
    let unit = vectors(&embed(&server, json!({"dimensions": 3})).await).remove(0);
    for (unit, cut_number) in unit.iter().zip(&cut) {
        assert!((unit * length(&cut) - cut_number).abs() < 1e-5, "{unit} {cut_number}");
    }
}

#[tokio::test]
async fn a_chat_is_embedded_as_its_template_writes_it() {
    let server = TestServer::start();
    let messages = json!([{"role": "user", "content": "hello"}]);
    let body = json!({"model": MODEL, "messages": messages, "add_generation_prompt": false});
    let tokens = server.post("/tokenize", body).await.json()["tokens"].clone();
    let chat = embed(&server, json!({"input": null, "messages": messages})).await;
    assert_eq!(vectors(&chat), vectors(&embed(&server, json!({"input": tokens})).await));
    assert_eq!(chat.json()["usage"]["prompt_tokens"], tokens.as_array().unwrap().len());
}

#[tokio::test]
async fn a_long_input_is_refused_or_keeps_its_end() {
    let mut setup = Setup::default();
    setup.limits.max_model_len = 32;
    let server = TestServer::with(setup);
    let long = "abcdefgh".repeat(5);
    let refused = embed(&server, json!({"input": ["x", long]})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "input");
    assert!(refused.text().contains("maximum context length is 32 tokens"), "{}", refused.text());
    for (kept, cut) in [(-1, 32), (5, 5), (1, 1)] {
        let answer = embed(&server, json!({"input": long, "truncate_prompt_tokens": kept})).await;
        let end = embed(&server, json!({"input": long[long.len() - cut..]})).await;
        assert_eq!(vectors(&answer), vectors(&end), "{kept}");
        assert_eq!(answer.json()["usage"]["prompt_tokens"], cut);
    }
    let still = embed(&server, json!({"input": long, "truncate_prompt_tokens": 33})).await;
    assert_eq!(still.error(), (400, "context_length_exceeded".to_owned()));
    assert_eq!(embed(&server, json!({"input": long[..32]})).await.status, 200, "a full context has room");
}

#[tokio::test]
async fn wrong_members_are_named_and_nothing_is_computed() {
    let server = TestServer::start();
    let messages = json!([{"role": "user", "content": "x"}]);
    let cases = [
        (json!({"input": null}), "missing_required_parameter", "input"),
        (json!({"input": []}), "array_below_min_length", "input"),
        (json!({"input": ""}), "string_below_min_length", "input"),
        (json!({"input": ["x", ""]}), "string_below_min_length", "input[1]"),
        (json!({"input": [[1], []]}), "array_below_min_length", "input[1]"),
        (json!({"input": vec!["x"; 2049]}), "array_above_max_length", "input"),
        (json!({"input": [1, VOCAB_SIZE]}), "integer_above_max_value", "input[1]"),
        (json!({"input": [[1], [VOCAB_SIZE]]}), "integer_above_max_value", "input[1][0]"),
        (json!({"input": {"text": "x"}}), "invalid_type", "input"),
        (json!({"messages": messages}), "invalid_value", "messages"),
        (json!({"dimensions": WIDTH + 1}), "integer_above_max_value", "dimensions"),
        (json!({"dimensions": 0}), "integer_below_min_value", "dimensions"),
        (json!({"encoding_format": "int8"}), "invalid_value", "encoding_format"),
        (json!({"prompt": "x"}), "unknown_parameter", "prompt"),
        (json!({"model": "none"}), "model_not_found", "model"),
    ];
    for (members, code, param) in cases {
        let answer = embed(&server, members).await;
        assert_eq!(answer.json()["error"]["code"], code, "{param}: {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], param, "{code}");
    }
    assert_eq!(server.controls.steps(), 0);
}

#[tokio::test]
async fn a_flag_lowers_the_number_of_inputs() {
    let mut setup = Setup::default();
    setup.flags.max_batch_inputs = Some(3);
    let server = TestServer::with(setup);
    assert_eq!(embed(&server, json!({"input": list(3)})).await.status, 200);
    assert_eq!(embed(&server, json!({"input": list(4)})).await.error(), (400, "array_above_max_length".to_owned()));
}

#[tokio::test]
async fn a_list_longer_than_the_queue_is_served_in_order() {
    let mut setup = Setup::default();
    (setup.limits.max_queued_requests, setup.limits.max_queued_tokens) = (2, 40);
    setup.limits.num_blocks = 16;
    let server = TestServer::with(setup);
    let inputs = list(2048);
    let answer = embed(&server, json!({"input": inputs})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let all = vectors(&answer);
    assert_eq!(all.len(), 2048);
    for index in [0, 1, 2, 777, 2047] {
        let alone = embed(&server, json!({"input": inputs[index]})).await;
        assert_eq!(vectors(&alone)[0], all[index], "{index}");
    }
    let tokens: usize = inputs.iter().map(String::len).sum();
    assert_eq!(answer.json()["usage"]["total_tokens"], tokens);
    server.assert_whole().await;
}

#[tokio::test]
async fn who_comes_after_a_long_list_does_not_wait_for_all_of_it() {
    let server = Arc::new(TestServer::start());
    server.controls.pause();
    let long = spawn(&server, json!({"input": list(2000)}));
    server.until_stepping().await;
    let behind = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.complete(json!({"max_tokens": 5})).await }
    });
    server.until_requests(2).await;
    server.controls.pause_at(server.controls.steps() + 30);
    server.controls.resume();
    assert_eq!(behind.await.unwrap().status, 200, "it ends within 30 steps");
    server.until_stepping().await;
    assert!(!long.is_finished());
    server.controls.resume();
    assert_eq!(vectors(&long.await.unwrap()).len(), 2000);
    server.assert_whole().await;
}

#[tokio::test]
async fn two_lists_at_once_both_end() {
    let mut setup = Setup::default();
    (setup.limits.max_num_seqs, setup.limits.max_queued_requests) = (2, 3);
    let server = Arc::new(TestServer::with(setup));
    let lists: Vec<_> = (0..3).map(|_| spawn(&server, json!({"input": list(100)}))).collect();
    for answer in lists {
        assert_eq!(vectors(&answer.await.unwrap()).len(), 100);
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_full_queue_refuses_a_list_at_once() {
    let mut setup = Setup::default();
    (setup.limits.max_num_seqs, setup.limits.max_queued_requests) = (1, 2);
    let server = Arc::new(TestServer::with(setup));
    server.controls.pause();
    let running = spawn(&server, json!({}));
    server.until_stepping().await;
    let waiting = spawn(&server, json!({}));
    server.until_requests(2).await;
    let refused = embed(&server, json!({"input": list(5)})).await;
    assert_eq!(refused.error(), (429, "queue_full".to_owned()));
    refused.header("retry-after");
    server.controls.resume();
    for answer in [running, waiting] {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(embed(&server, json!({"input": list(5)})).await.status, 200);
    server.assert_whole().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_whole_list_along() {
    let server = Arc::new(TestServer::start());
    server.controls.pause_at(3);
    let long = spawn(&server, json!({"input": list(2000)}));
    server.until_stepping().await;
    long.abort();
    assert!(long.await.unwrap_err().is_cancelled());
    server.controls.resume();
    server.assert_whole().await;
    assert!(server.controls.steps() < 10, "{} steps", server.controls.steps());
    assert_eq!(embed(&server, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_failed_step_costs_its_list_one_error_and_nobody_else_anything() {
    let server = TestServer::start();
    server.controls.fail(1);
    assert_eq!(embed(&server, json!({"input": list(50)})).await.error(), (500, "engine_error".to_owned()));
    server.assert_whole().await;
    assert_eq!(embed(&server, json!({"input": list(50)})).await.status, 200);
}

#[tokio::test]
async fn a_list_past_its_deadline_is_504() {
    let setup = Setup::default();
    let hand = Arc::new(AtomicU64::new(0));
    let clock = Clock::new({
        let hand = Arc::clone(&hand);
        move || Duration::from_secs(hand.load(Relaxed))
    });
    let mut server = TestServer::loading_at(&setup, clock);
    server.load(setup.limits);
    let mut request = json_request("/v1/embeddings", &json!({"model": MODEL, "input": list(100)}));
    request.headers_mut().insert("x-request-timeout-ms", "1000".parse().unwrap());
    server.controls.pause();
    let later = async {
        server.until_stepping().await;
        hand.store(2, Relaxed);
        server.controls.resume();
    };
    let (answer, ()) = tokio::join!(server.send(request), later);
    assert_eq!(answer.error(), (504, "request_timeout".to_owned()));
    server.assert_whole().await;
}

#[tokio::test]
async fn draining_lets_an_accepted_list_finish() {
    let server = Arc::new(TestServer::start());
    server.controls.pause();
    let long = spawn(&server, json!({"input": list(300)}));
    server.until_stepping().await;
    let shutdown = Arc::clone(server.app.shutdown());
    let grace = Duration::from_secs(30);
    let lifecycle =
        Lifecycle { shutdown_timeout: grace, drain_delay: Duration::ZERO, stall_timeout: Duration::from_mins(1) };
    let draining = tokio::spawn(async move { shutdown.drain(lifecycle, pending()).await });
    while server.get("/ready").await.status == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(embed(&server, json!({})).await.error(), (503, "shutting_down".to_owned()));
    server.controls.resume();
    assert_eq!(vectors(&long.await.unwrap()).len(), 300);
    draining.await.unwrap();
}

#[tokio::test]
async fn metrics_count_inputs_and_no_generated_token() {
    let server = TestServer::start();
    embed(&server, json!({"input": list(7)})).await;
    let ended = server.metric("vllm:request_success_total{engine=\"0\",finished_reason=\"stop\"").await;
    let generated = server.metric("vllm:generation_tokens_total").await;
    let prompt = server.metric("vllm:prompt_tokens_total").await;
    assert_eq!((ended, generated, prompt), (7.0, 0.0, 7.0 * 7.0));
}
