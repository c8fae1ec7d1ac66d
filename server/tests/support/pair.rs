//! A server of two models over fake executors.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use server::{clock::Clock, flags::Flags};
use tokio::task::JoinHandle;

use super::{
    Setup, TestServer,
    client::{Answer, Streaming, completion_body, json_request},
    controls::Controls,
};

/// The key that changes them.
pub const ADMIN: &str = "the-key-of-an-admin";

/// A server of two models, `alpha` and `org/beta`, the second of which clients call `beta`; an admin's key changes them.
pub struct Pair {
    pub server: Arc<TestServer>,
    /// The hand on beta's executor; alpha's is the server's.
    pub beta: Arc<Controls>,
}

/// Two models to load.
pub fn setup() -> Setup {
    let flags = Flags {
        model: vec!["alpha".to_owned(), "org/beta=beta".to_owned()],
        admin_api_key: vec![ADMIN.into()],
        ..Flags::default()
    };
    Setup { flags, ..Setup::default() }
}

impl Pair {
    /// Both loaded.
    pub fn start() -> Self {
        Self::start_at(Clock::monotonic())
    }

    /// The same on a clock of the test's own.
    pub fn start_at(clock: Clock) -> Self {
        let setup = setup();
        let mut server = TestServer::loading_at(&setup, clock);
        let beta = Arc::<Controls>::default();
        server.load(setup.limits.clone());
        server.load_as("beta", setup.limits, Arc::clone(&beta));
        server.controls.say("an answer of alpha");
        beta.say("an answer of beta");
        Self { server: Arc::new(server), beta }
    }

    /// One chat.
    pub async fn ask(&self, model: &str) -> Answer {
        self.server.chat(json!({"model": model})).await
    }

    /// What it answers.
    pub async fn said(&self, model: &str) -> String {
        self.ask(model).await.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    /// A stream of beta that has begun and goes on until its limit.
    pub async fn stream(&self) -> Streaming {
        self.beta.never_end();
        let mut stream = self.server.open(stream_of("beta")).await;
        assert!(stream.next().await.unwrap().starts_with("data: {"));
        stream
    }

    /// Beta's unloading, once it has begun.
    pub async fn unload_beta(&self) -> JoinHandle<Answer> {
        let server = Arc::clone(&self.server);
        let unloaded = tokio::spawn(async move { server.send(change("unload", "beta", Some(ADMIN))).await });
        while self.status("beta").await != "unloaded" {
            tokio::task::yield_now().await;
        }
        unloaded
    }

    /// As `/v1/models` tells it.
    pub async fn status(&self, model: &str) -> Value {
        self.server.get(&format!("/v1/models/{model}")).await.json()["status"].clone()
    }
}

/// A request to change a model with this key, if any.
pub fn change(what: &str, model: &str, key: Option<&str>) -> Request<Body> {
    let mut request = json_request(&format!("/v1/models/{what}"), &json!({"model": model}));
    if let Some(key) = key {
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
    }
    request
}

/// A request for a stream of hundreds of tokens.
pub fn stream_of(model: &str) -> Request<Body> {
    let fields = json!({"model": model, "stream": true, "max_tokens": 900});
    json_request("/v1/completions", &completion_body(fields))
}

/// Events of a stream that ends well, from here on.
pub async fn rest(mut stream: Streaming) -> usize {
    let (mut events, mut last) = (0, String::new());
    while let Some(event) = stream.next().await {
        (events, last) = (events + 1, event);
    }
    assert_eq!(last, "data: [DONE]");
    events
}
