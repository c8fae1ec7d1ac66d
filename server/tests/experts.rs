//! The load of experts at `/metrics`, of a real model that is unloaded and loaded again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture_server;

use std::collections::BTreeMap;

use axum::{Router, body::Body, http::Request};
use fixture_server::{KEY, fixture, send};
use http_body_util::BodyExt;
use serde_json::json;
use server::flags::Flags;
use tower::ServiceExt;

/// Experts that a token takes in all layers of the model.
const EACH_TOKEN: u64 = 2 * 2;

/// The tokens of each expert, by its label.
async fn taken(router: &Router) -> BTreeMap<String, u64> {
    let request = Request::get("/metrics").header("host", "localhost").header("x-api-key", KEY);
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let text = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let series = text.lines().filter_map(|line| line.strip_prefix("gondola:expert_tokens_total{"));
    let read = |line: &str| {
        assert!(line.contains("model_name=\"several\"") && line.contains("engine=\"0\""), "{line}");
        let label = line.split("expert=\"").nth(1).unwrap().split('"').next().unwrap();
        (label.to_owned(), line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    series.map(read).collect()
}

/// Tokens that an answer computes.
async fn computed(router: &Router, prompt: &str) -> u64 {
    let body = json!({"model": "several", "prompt": prompt, "max_tokens": 5, "ignore_eos": true, "temperature": 0});
    let (status, answer) = send(router, "/v1/completions", &body).await;
    assert_eq!(status, 200, "{answer}");
    let usage = &answer["usage"];
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    // The last token drawn is not computed.
    usage["total_tokens"].as_u64().unwrap() - cached - 1
}

async fn change(router: &Router, what: &str) {
    let (status, answer) = send(router, &format!("/v1/models/{what}"), &json!({"model": "several"})).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn tokens_of_each_expert_are_counted_through_a_reload() {
    let flags = Flags {
        model: vec![format!("{}=several", fixture("mixtral").display())],
        admin_api_key: vec![KEY.into()],
        num_kv_blocks: Some(8),
        threads: Some(2),
        ..Flags::default()
    };
    let router = fixture_server::serve(&flags);
    let before = taken(&router).await;
    assert_eq!(before.into_iter().collect::<Vec<_>>(), ["0", "1", "2", "3"].map(|expert| (expert.to_owned(), 0_u64)));
    let mut tokens = computed(&router, "up we go").await;
    tokens += computed(&router, "down by cable").await;
    let first = taken(&router).await;
    assert_eq!(first.values().sum::<u64>(), tokens * EACH_TOKEN);
    change(&router, "unload").await;
    assert_eq!(taken(&router).await, first, "an engine that is gone is not counted again");
    change(&router, "load").await;
    assert_eq!(taken(&router).await, first, "nor is what a new one tries out");
    tokens += computed(&router, "up we go").await;
    let second = taken(&router).await;
    assert_eq!(second.values().sum::<u64>(), tokens * EACH_TOKEN);
    assert!(first.iter().all(|(expert, tokens)| second[expert] >= *tokens), "{first:?}, {second:?}");
}
