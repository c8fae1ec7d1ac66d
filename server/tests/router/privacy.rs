//! The log and the errors: nothing of what users send or get, at any level.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use serde_json::json;
use server::{
    flags::{LogFormat, LogLevel},
    logging,
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::SubscriberExt};

use crate::support::{
    Setup, TestServer,
    client::{chat_body, json_request, request},
};

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

#[test]
fn no_prompt_completion_key_header_or_query_is_logged() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let captured = Captured::default();
        let lines = logging::lines(format, captured.clone()).with_filter(logging::filter(LogLevel::Debug));
        let subscriber = tracing_subscriber::registry().with(lines);
        let answer = tracing::subscriber::with_default(subscriber, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(traffic())
        });
        let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("/v1/chat/completions"), "the access line is there: {log}");
        for secret in ["TOPSECRET", "sk-hidden", "hush=1", "x-hush", "junk-path", answer.as_str()] {
            assert!(!log.contains(secret), "{secret} is in the log: {log}");
        }
    }
}

/// Requests of every kind, all with secrets; the text of one answer.
async fn traffic() -> String {
    let server = TestServer::with(Setup { keys: vec!["sk-hidden-key-of-this-server"], ..Setup::default() });
    let secret = json!({"messages": [{"role": "user", "content": "TOPSECRET prompt"}], "user": "TOPSECRET"});
    let send = |body: serde_json::Value| {
        let mut request = json_request("/v1/chat/completions?hush=1", &chat_body(body));
        request.headers_mut().insert("x-api-key", "sk-hidden-key-of-this-server".parse().unwrap());
        request.headers_mut().insert("x-hush", "x-hush".parse().unwrap());
        server.send(request)
    };
    let answer = send(secret.clone()).await.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    send(json!({"TOPSECRET": 1})).await;
    send(json!({"model": "TOPSECRET"})).await;
    server.controls.panic(1);
    send(secret.clone()).await;
    server.controls.fail(1);
    send(secret).await;
    let wrong = request(Method::GET, "/junk-path?hush=1").header("authorization", "Bearer sk-hidden-wrong");
    server.send(wrong.body(axum::body::Body::empty()).unwrap()).await;
    answer
}

#[tokio::test]
async fn errors_carry_no_path_address_or_version() {
    let server = TestServer::start();
    server.controls.fail(1);
    let answers = [
        server.chat(json!({})).await,
        server.get("/nowhere").await,
        server.chat(json!({"n": 0})).await,
        server.chat(json!({"model": format!("</script>\u{1}{}", "long".repeat(100))})).await,
    ];
    for answer in answers {
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        for word in [".rs", "src/", "0x", "127.0.0.1", "serde", "axum", env!("CARGO_PKG_VERSION"), "\u{1}"] {
            assert!(!message.contains(word), "{word:?} in {message:?}");
        }
        assert!(message.len() < 400, "{message}");
    }
}
