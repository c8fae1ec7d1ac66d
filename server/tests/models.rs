//! Real models in one process: planned together, unloaded, loaded again and replaced over the router.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture_server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use axum::Router;
use fixture_server::{KEY, fixture, open, send};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::flags::Flags;
use tokio::task::JoinHandle;

/// Tokens of a stream that still runs when a model has been loaded beside it.
const LONG: usize = 8000;

/// A copy of a fixture, which may be broken; it is removed in the end.
struct Copied(PathBuf);

impl Copied {
    fn of(name: &str) -> Self {
        let copy = Self(std::env::temp_dir().join(format!("gondola-models-{}-{name}", std::process::id())));
        copy.become_like(name);
        copy
    }

    /// Takes over the files of another fixture.
    fn become_like(&self, name: &str) {
        let _none_at_first = fs::remove_dir_all(&self.0);
        fs::create_dir_all(&self.0).unwrap();
        for entry in fs::read_dir(fixture(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), self.0.join(entry.file_name())).unwrap();
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server of an encoder and a decoder under these names.
fn serve(words: &Path, talk: &Path) -> Router {
    let flags = Flags {
        model: vec![format!("{}=words", words.display()), format!("{}=talk", talk.display())],
        admin_api_key: vec![KEY.into()],
        num_kv_blocks: Some(520),
        threads: Some(2),
        ..Flags::default()
    };
    fixture_server::serve(&flags)
}

/// The status of the answer, and that of the model or the error's code.
async fn change(router: &Router, what: &str, model: &str) -> (u16, String) {
    let (status, answer) = send(router, &format!("/v1/models/{what}"), &json!({"model": model})).await;
    let told = if status == 200 { &answer["status"] } else { &answer["error"]["code"] };
    (status, told.as_str().unwrap().to_owned())
}

async fn vector(router: &Router) -> (u16, Value) {
    let (status, answer) = send(router, "/v1/embeddings", &json!({"model": "words", "input": "up we go"})).await;
    (status, answer["data"].clone())
}

async fn text(router: &Router) -> String {
    let body = json!({"model": "talk", "prompt": "up we go", "max_tokens": 8, "temperature": 0, "ignore_eos": true});
    let (status, answer) = send(router, "/v1/completions", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["choices"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn models_come_and_go_and_answer_as_before() {
    let router = serve(&fixture("bert"), &fixture("qwen2"));
    let (vector_before, text_before) = (vector(&router).await, text(&router).await);
    assert_eq!(vector_before.0, 200, "{}", vector_before.1);
    assert_eq!(change(&router, "unload", "words").await, (200, "unloaded".to_owned()));
    assert_eq!(vector(&router).await.0, 404);
    assert_eq!(text(&router).await, text_before);
    assert_eq!(change(&router, "load", "words").await, (200, "loaded".to_owned()));
    assert_eq!(vector(&router).await, vector_before);
    assert_eq!(change(&router, "load", "talk").await, (200, "loaded".to_owned()));
    assert_eq!(text(&router).await, text_before);
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_leaves_what_there_is() {
    let words = Copied::of("bert");
    let router = serve(&words.0, &fixture("qwen2"));
    let before = vector(&router).await;
    let (config, aside) = (words.0.join("config.json"), words.0.join("aside"));
    fs::rename(&config, &aside).unwrap();
    assert_eq!(change(&router, "load", "words").await, (400, "invalid_model".to_owned()));
    assert_eq!(vector(&router).await, before, "the old one goes on");
    assert_eq!(change(&router, "unload", "words").await, (200, "unloaded".to_owned()));
    assert_eq!(change(&router, "load", "words").await, (400, "invalid_model".to_owned()));
    assert_eq!(vector(&router).await.0, 404);
    fs::rename(&aside, &config).unwrap();
    assert_eq!(change(&router, "load", "words").await, (200, "loaded".to_owned()));
    assert_eq!(vector(&router).await, before);
}

/// The events of a stream that goes on for thousands of steps; it has begun.
async fn long_stream(router: &Router) -> JoinHandle<String> {
    let body = json!({
        "model": "talk", "prompt": "up we go", "max_tokens": LONG, "temperature": 0, "ignore_eos": true,
        "stream": true, "stream_options": {"include_usage": true},
    });
    let response = open(router, "/v1/completions", &body).await;
    assert_eq!(response.status().as_u16(), 200);
    tokio::spawn(async move {
        let events = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(events.to_vec()).unwrap()
    })
}

#[tokio::test]
async fn a_stream_ends_whole_on_the_model_that_is_replaced_under_it() {
    let talk = Copied::of("llama31");
    let router = serve(&fixture("bert"), &talk.0);
    let before = text(&router).await;
    let expected = text(&serve(&fixture("bert"), &fixture("qwen3"))).await;
    assert_ne!(before, expected);
    let stream = long_stream(&router).await;
    talk.become_like("qwen3");
    let loaded = tokio::spawn({
        let router = router.clone();
        async move { change(&router, "load", "talk").await }
    });
    while text(&router).await != expected {
        assert!(!loaded.is_finished(), "it was not loaded anew");
    }
    assert!(!stream.is_finished() && !loaded.is_finished(), "the old one still runs");
    let events = stream.await.unwrap();
    assert!(events.ends_with("data: [DONE]\n\n"), "the stream was cut");
    assert!(events.contains(&format!("\"completion_tokens\":{LONG}")), "all tokens came");
    assert_eq!(loaded.await.unwrap(), (200, "loaded".to_owned()));
    assert_eq!(text(&router).await, expected);
}
