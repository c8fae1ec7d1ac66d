//! `/metrics`: names and labels as documented, closed sets, blocks that add up.

use std::collections::BTreeSet;

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use scheduler::{Limits, Speculation};

use crate::support::{Setup, TestServer, client::request};

/// Series without their values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn every_documented_metric_is_there_with_its_labels() {
    let server = TestServer::start();
    server.chat(json!({})).await;
    let answer = server.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    for name in [
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:kv_cache_usage_perc",
        "vllm:cache_config_info",
        "vllm:lora_requests_info",
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "vllm:prefix_cache_queries_total",
        "vllm:prefix_cache_hits_total",
        "vllm:num_preemptions_total",
        "vllm:spec_decode_num_drafts_total",
        "vllm:spec_decode_num_draft_tokens_total",
        "vllm:spec_decode_num_accepted_tokens_total",
        "vllm:request_success_total",
        "vllm:admission_rejections_total",
        "vllm:time_to_first_token_seconds_bucket",
        "vllm:inter_token_latency_seconds_bucket",
        "vllm:e2e_request_latency_seconds_bucket",
        "vllm:request_queue_time_seconds_bucket",
        "vllm:request_prefill_time_seconds_bucket",
        "vllm:request_decode_time_seconds_bucket",
        "vllm:request_prompt_tokens_bucket",
        "vllm:request_generation_tokens_bucket",
        "vllm:iteration_tokens_total_bucket",
        "http_requests_total",
        "http_request_duration_seconds_bucket",
        "gondola:kv_blocks_total",
        "gondola:kv_blocks_used",
        "gondola:kv_blocks_cached",
        "gondola:kv_blocks_free",
        "gondola:kv_pool_blocks_total",
        "gondola:kv_pool_blocks_used",
        "gondola:kv_pool_blocks_cached",
        "gondola:kv_pool_blocks_free",
        "gondola:kv_ledger_error",
        "gondola:steps_total",
        "gondola:last_step_age_seconds",
        "gondola:engine_restarts_total",
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let line = line.unwrap_or_else(|| panic!("{name} is missing"));
        if name.contains(':') {
            assert!(line.contains("model_name=\"fake\"") && line.contains("engine=\"0\""), "{line}");
        }
    }
}

/// An answer that ends in full stops.
async fn ask(server: &TestServer) -> Value {
    server.controls.never_end();
    server.chat(json!({"max_tokens": 300})).await.json()["choices"].clone()
}

#[tokio::test]
async fn proposals_are_counted_and_change_no_answer() {
    let plain = ask(&TestServer::start()).await;
    let speculation = Speculation { own_text: true, ..Speculation::PREDICTIONS };
    let setup = Setup::default();
    let limits = Limits { speculation, ..setup.limits };
    let server = TestServer::with(Setup { limits, ..setup });
    assert_eq!(ask(&server).await, plain, "the same answer");
    server.assert_whole().await;
    let [drafts, proposed, accepted] = ["num_drafts_total", "num_draft_tokens_total", "num_accepted_tokens_total"]
        .map(|name| format!("vllm:spec_decode_{name}"));
    let (drafts, proposed) = (server.metric(&drafts).await, server.metric(&proposed).await);
    let accepted = server.metric(&accepted).await;
    assert!(drafts > 0.0 && proposed >= accepted && accepted > 100.0, "{drafts} {proposed} {accepted}");
    let text = server.get("/metrics").await.text();
    let of_position = |line: &&str| line.starts_with("vllm:spec_decode_num_accepted_tokens_per_pos_total{");
    let by_position: Vec<&str> = text.lines().filter(of_position).collect();
    assert_eq!(by_position.len(), 4);
    let total: f64 = by_position.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert!((total - accepted).abs() < 0.5, "{by_position:?}");
}

#[tokio::test]
async fn junk_traffic_adds_no_series() {
    let server = TestServer::start();
    let junk = |index: usize| {
        let server = &server;
        async move {
            server.get(&format!("/junk/{index}")).await;
            server.get(&format!("/v1/models/junk-{index}")).await;
            server.chat(json!({"model": format!("junk-{index}")})).await;
            let method = Method::from_bytes(format!("JUNK{index}").as_bytes()).unwrap();
            server.send(request(method, "/v1/models").body(Body::empty()).unwrap()).await;
        }
    };
    junk(0).await;
    server.get("/metrics").await;
    let before = series(&server.get("/metrics").await.text());
    for index in 1..50 {
        junk(index).await;
    }
    let after = series(&server.get("/metrics").await.text());
    assert_eq!(before, after);
    assert!(!after.iter().any(|series| series.contains("junk")));
}

#[tokio::test]
async fn blocks_add_up_at_every_scrape() {
    let server = TestServer::start();
    let load = async {
        for _ in 0..20 {
            server.chat(json!({"n": 2, "temperature": 1})).await;
        }
    };
    let scrape = async {
        for _ in 0..40 {
            let text = server.get("/metrics").await.text();
            let value = |name: &str| -> f64 {
                let line = text.lines().find(|line| line.starts_with(&format!("gondola:kv_{name}{{"))).unwrap();
                line.rsplit(' ').next().unwrap().parse().unwrap()
            };
            let sum = value("blocks_used") + value("blocks_cached") + value("blocks_free");
            assert!((sum - value("blocks_total")).abs() < 0.1);
            assert!(value("ledger_error").abs() < 0.1);
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(load, scrape);
}

#[tokio::test]
async fn tokens_and_ends_are_counted_once() {
    let server = TestServer::start();
    let usage = server.complete(json!({"n": 2})).await.json()["usage"].clone();
    server.assert_whole().await;
    let count = |name: &'static str| server.metric(name);
    let close = |found: f64, expected: &Value| (found - expected.as_f64().unwrap()).abs() < 0.1;
    assert!(close(count("vllm:prompt_tokens_total").await, &usage["prompt_tokens"]));
    assert!(close(count("vllm:generation_tokens_total").await, &usage["completion_tokens"]));
    let success = "vllm:request_success_total{engine=\"0\",finished_reason=\"length\"";
    let ended = count(success).await + count("vllm:request_success_total{engine=\"0\",finished_reason=\"stop\"").await;
    assert!((ended - 2.0).abs() < 0.1);
}
