//! The log holds nothing of what users send or get, at any level and after any panic.
//!
//! A target of its own: the log of a process is one, and the engine thread writes to it too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Method};
use serde_json::{Value, json};
use server::{
    flags::{LogFormat, LogLevel},
    logging,
};
use support::{
    Setup, TestServer,
    client::{chat_body, json_request, request},
};
use tracing_subscriber::fmt::MakeWriter;

const KEY: &str = "sk-hidden-key-of-this-server";

/// A log that can be read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_prompt_completion_key_header_or_query_is_logged() {
    let captured = Captured::default();
    logging::start_to(LogFormat::Json, LogLevel::Debug, captured.clone());
    let answer = traffic().await;
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for expected in ["/v1/chat/completions", "a step failed", "controls.rs"] {
        assert!(log.contains(expected), "{expected} is not in the log: {log}");
    }
    for secret in ["TOPSECRET", "sk-hidden", "hush=1", "x-hush", "junk-path", "secret prompt", answer.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

/// Requests of every kind, all with secrets; the text of one answer.
async fn traffic() -> String {
    let server = TestServer::with(Setup { keys: vec![KEY], ..Setup::default() });
    let secret = json!({"messages": [{"role": "user", "content": "TOPSECRET prompt"}], "user": "TOPSECRET"});
    let send = |body: Value| {
        let mut request = json_request("/v1/chat/completions?hush=1", &chat_body(body));
        request.headers_mut().insert("x-api-key", KEY.parse().unwrap());
        request.headers_mut().insert("x-hush", "x-hush".parse().unwrap());
        server.send(request)
    };
    let answer = send(secret.clone()).await.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    send(json!({"TOPSECRET": 1})).await;
    send(json!({"model": "TOPSECRET"})).await;
    server.controls.panic(1);
    assert_eq!(send(secret.clone()).await.status, 500);
    server.controls.fail(1);
    assert_eq!(send(secret).await.status, 500);
    let wrong = request(Method::GET, "/junk-path?hush=1").header("authorization", "Bearer sk-hidden-wrong");
    assert_eq!(server.send(wrong.body(Body::empty()).unwrap()).await.status, 401);
    answer
}
