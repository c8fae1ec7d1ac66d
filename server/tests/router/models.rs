//! Several models in one process: who answers, whose turn it is, and models that come and go while requests run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use server::{clock::Clock, flags::Flags};
use tokio::task::JoinHandle;

use crate::support::{
    Setup, TestServer,
    client::{Answer, Streaming, chat_body, completion_body, json_request},
    fake_executor::Controls,
};

const ADMIN: &str = "the-key-of-an-admin";

/// A server of two models, `alpha` and `org/beta`, the second of which clients call `beta`; an admin's key changes them.
struct Pair {
    server: Arc<TestServer>,
    /// The hand on beta's executor; alpha's is the server's.
    beta: Arc<Controls>,
}

fn setup() -> Setup {
    let flags = Flags {
        model: vec!["alpha".to_owned(), "org/beta=beta".to_owned()],
        admin_api_key: vec![ADMIN.into()],
        ..Flags::default()
    };
    Setup { flags, ..Setup::default() }
}

impl Pair {
    fn start() -> Self {
        Self::start_at(Clock::monotonic())
    }

    fn start_at(clock: Clock) -> Self {
        let setup = setup();
        let mut server = TestServer::loading_at(&setup, clock);
        let beta = Arc::<Controls>::default();
        server.load(setup.limits.clone());
        server.load_as("beta", setup.limits, Arc::clone(&beta));
        server.controls.say("an answer of alpha");
        beta.say("an answer of beta");
        Self { server: Arc::new(server), beta }
    }

    async fn ask(&self, model: &str) -> Answer {
        self.server.chat(json!({"model": model})).await
    }

    async fn said(&self, model: &str) -> String {
        self.ask(model).await.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    /// A stream of beta that goes on until its limit.
    async fn stream(&self) -> Streaming {
        self.beta.never_end();
        let fields = json!({"model": "beta", "stream": true, "max_tokens": 900});
        let mut stream = self.server.open(json_request("/v1/completions", &completion_body(fields))).await;
        assert!(stream.next().await.unwrap().starts_with("data: {"));
        stream
    }

    /// Beta's unloading, once it has begun.
    async fn unload_beta(&self) -> JoinHandle<Answer> {
        let server = Arc::clone(&self.server);
        let unloaded = tokio::spawn(async move { server.send(change("unload", "beta", Some(ADMIN))).await });
        while self.status("beta").await != "unloaded" {
            tokio::task::yield_now().await;
        }
        unloaded
    }

    async fn status(&self, model: &str) -> Value {
        self.server.get(&format!("/v1/models/{model}")).await.json()["status"].clone()
    }
}

/// A request to change a model with this key, if any.
fn change(what: &str, model: &str, key: Option<&str>) -> Request<Body> {
    let mut request = json_request(&format!("/v1/models/{what}"), &json!({"model": model}));
    if let Some(key) = key {
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
    }
    request
}

/// Events of a stream that ends well, from here on.
async fn rest(mut stream: Streaming) -> usize {
    let (mut events, mut last) = (0, String::new());
    while let Some(event) = stream.next().await {
        (events, last) = (events + 1, event);
    }
    assert_eq!(last, "data: [DONE]");
    events
}

#[tokio::test]
async fn the_body_says_which_model_answers() {
    let pair = Pair::start();
    assert_eq!(
        (pair.said("alpha").await.as_str(), pair.said("beta").await.as_str()),
        ("an answer of alpha", "an answer of beta")
    );
    assert_eq!(pair.ask("beta").await.json()["model"], "beta");
    for path in ["/tokenize", "/apply-template"] {
        let mut body = json!({"model": "beta", "messages": [{"role": "user", "content": "up"}]});
        assert_eq!(pair.server.post(path, body.clone()).await.status, 200, "{path}");
        body["model"] = json!("org/beta");
        assert_eq!(pair.server.post(path, body).await.error(), (404, "model_not_found".to_owned()), "{path}");
    }
    let with_escape = chat_body(json!({"model": "NAME"})).to_string().replace("NAME", r"b\u0065ta");
    let mut request = json_request("/v1/chat/completions", &json!({}));
    *request.body_mut() = with_escape.into();
    assert_eq!(pair.server.send(request).await.json()["choices"][0]["message"]["content"], "an answer of beta");
}

#[tokio::test]
async fn refusals_come_in_their_order_whatever_the_body_names() {
    let server = Pair::start().server;
    let refused = async |body: Value| server.post("/v1/chat/completions", body).await.error();
    assert_eq!(refused(chat_body(json!({"model": "gamma"}))).await, (404, "model_not_found".to_owned()));
    assert_eq!(refused(chat_body(json!({"model": "gamma", "n": 0}))).await.1, "integer_below_min_value");
    assert_eq!(refused(chat_body(json!({"model": null}))).await.1, "missing_required_parameter");
    assert_eq!(refused(chat_body(json!({"model": 5}))).await.1, "invalid_type");
    assert_eq!(refused(chat_body(json!({"model": "beta", "foo": 5}))).await.1, "unknown_parameter");
    assert_eq!(refused(json!(["beta"])).await.1, "invalid_type");
    for broken in ["", "{\"model\": \"beta\"", r#"{"model": "alpha", "model": "beta"}"#] {
        let mut request = json_request("/v1/chat/completions", &json!({}));
        *request.body_mut() = broken.into();
        assert_eq!(server.send(request).await.error(), (400, "invalid_json".to_owned()), "{broken}");
    }
}

#[tokio::test]
async fn all_are_listed_and_ready_when_all_are_loaded() {
    let setup = setup();
    let mut server = TestServer::loading(&setup);
    server.load(setup.limits.clone());
    assert_eq!(server.get("/ready").await.json()["status"], "loading");
    assert_eq!(
        server.chat(json!({"model": "alpha"})).await.status,
        200,
        "one that is loaded does not wait for the others"
    );
    assert_eq!(server.chat(json!({"model": "beta"})).await.error(), (503, "model_loading".to_owned()));
    let told = |list: &Value| -> Vec<(String, String, bool)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let models = list["data"].as_array().unwrap().iter();
        models.map(|model| (text(&model["id"]), text(&model["status"]), model["max_model_len"].is_u64())).collect()
    };
    let listed = server.get("/v1/models").await.json();
    let expected = [("alpha", "loaded", true), ("beta", "loading", false)];
    assert_eq!(told(&listed), expected.map(|(id, status, is_known)| (id.to_owned(), status.to_owned(), is_known)));
    server.load_as("beta", setup.limits, Arc::default());
    assert_eq!(server.get("/ready").await.status, 200);
    let listed = server.get("/v1/models").await.json();
    let expected = [("alpha", "loaded", true), ("beta", "loaded", true)];
    assert_eq!(told(&listed), expected.map(|(id, status, is_known)| (id.to_owned(), status.to_owned(), is_known)));
    assert_eq!(server.get("/v1/models/beta").await.json(), listed["data"][1]);
    let document = server.get("/openapi.json").await.json();
    assert_eq!(document["components"]["schemas"]["ModelName"]["enum"], json!(["alpha", "beta"]));
}

/// On a clock that stands still all steps are equally long: the models take turns.
#[tokio::test]
async fn steps_of_two_models_never_overlap_and_none_starves() {
    let pair = Pair::start_at(Clock::new(|| Duration::ZERO));
    let server = Arc::clone(&pair.server);
    server.controls.never_end();
    server.controls.pause_at(3);
    let fields = json!({"model": "alpha", "stream": true, "max_tokens": 900});
    let stream = server.open(json_request("/v1/completions", &completion_body(fields))).await;
    server.until_stepping().await;
    let asked = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.chat(json!({"model": "beta"})).await }
    });
    server.until_requests_of("beta", 1).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        assert_eq!(pair.beta.steps(), 0, "alpha has the cores");
    }
    server.controls.pause_at(400);
    server.controls.resume();
    assert_eq!(asked.await.unwrap().status, 200, "beta does not wait for alpha's end");
    server.until_stepping().await;
    server.controls.resume();
    assert!(rest(stream).await > 100);
}

#[tokio::test]
async fn who_waits_for_its_turn_does_not_stall() {
    let seconds = Arc::<AtomicU64>::default();
    let hand = Arc::clone(&seconds);
    let pair = Pair::start_at(Clock::new(move || Duration::from_secs(seconds.load(Relaxed))));
    let ask = |model: &'static str| {
        let server = Arc::clone(&pair.server);
        tokio::spawn(async move { server.chat(json!({"model": model})).await.status })
    };
    pair.beta.pause();
    let of_beta = ask("beta");
    let beta = Arc::clone(&pair.beta);
    tokio::task::spawn_blocking(move || beta.wait_for_step()).await.unwrap();
    pair.server.controls.pause();
    let of_alpha = ask("alpha");
    pair.server.until_requests_of("alpha", 1).await;
    hand.store(9, Relaxed);
    pair.beta.resume();
    pair.server.until_stepping().await;
    hand.store(12, Relaxed);
    assert_eq!(pair.server.get("/ready").await.status, 200, "alpha stepped 3 s ago, and beta waits for it");
    pair.server.controls.resume();
    assert_eq!((of_alpha.await.unwrap(), of_beta.await.unwrap()), (200, 200));
}

#[tokio::test]
async fn what_names_no_model_is_never_answered_by_another() {
    let pair = Pair::start();
    let unload = async |model: &str| pair.server.send(change("unload", model, Some(ADMIN))).await.status;
    assert_eq!(unload("alpha").await, 200);
    let unnamed = json!({"messages": [{"role": "user", "content": "up"}]});
    let refused = async |path: &str, body: &Value| pair.server.post(path, body.clone()).await.error();
    for (path, body) in [("/v1/chat/completions", &unnamed), ("/embed", &json!({"inputs": "up"}))] {
        assert_eq!(refused(path, body).await, (404, "model_not_loaded".to_owned()), "{path}");
    }
    assert_eq!(pair.said("beta").await, "an answer of beta");
    assert_eq!(unload("beta").await, 200);
    for (model, code) in [("alpha", "model_not_loaded"), ("beta", "model_not_loaded"), ("gamma", "model_not_found")] {
        let answer = pair.ask(model).await;
        assert_eq!(answer.error(), (404, code.to_owned()), "{model}");
        assert!(answer.text().contains(model), "{}", answer.text());
    }
    assert_eq!(pair.status("beta").await, "unloaded");
}

#[tokio::test]
async fn each_model_has_its_own_series() {
    let pair = Pair::start();
    pair.ask("beta").await;
    pair.ask("beta").await;
    pair.ask("alpha").await;
    let prompts = async |model: &str| {
        let name = format!("vllm:request_prompt_tokens_count{{engine=\"0\",model_name=\"{model}\"}}");
        pair.server.metric(&name).await
    };
    assert!((prompts("alpha").await - 1.0).abs() < 0.1 && (prompts("beta").await - 2.0).abs() < 0.1);
    let text = pair.server.get("/metrics").await.text();
    assert_eq!(text.matches("# TYPE vllm:num_requests_running ").count(), 1, "one family, two series");
}

#[tokio::test]
async fn a_model_is_unloaded_when_its_streams_have_ended_and_loaded_again() {
    let pair = Pair::start();
    let stream = pair.stream().await;
    let unloaded = pair.unload_beta().await;
    let refused = pair.ask("beta").await;
    assert_eq!(refused.error(), (404, "model_not_loaded".to_owned()));
    assert!(refused.text().contains("/v1/models/load"));
    assert_eq!(pair.said("alpha").await, "an answer of alpha", "the other is not touched");
    assert!(rest(stream).await > 100, "the stream was not cut");
    let answer = unloaded.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let model = answer.json();
    assert_eq!((&model["id"], &model["status"], &model["kind"]), (&json!("beta"), &json!("unloaded"), &Value::Null));
    for path in ["/health", "/ready"] {
        assert_eq!(pair.server.get(path).await.status, 200, "{path}");
    }
    let again = pair.server.send(change("unload", "beta", Some(ADMIN))).await;
    assert_eq!((again.status, again.json()["status"].clone()), (200, json!("unloaded")));
    let blocks = "gondola:kv_blocks_total{engine=\"0\",model_name=\"beta\"}";
    assert!(pair.server.metric(blocks).await < 0.5, "its blocks are gone");

    let controls = Arc::<Controls>::default();
    controls.say("beta again");
    pair.server.load_as("beta", Setup::default().limits, controls);
    assert_eq!(pair.said("beta").await, "beta again");
    assert!(pair.server.metric(blocks).await > 0.5);
}

#[tokio::test]
async fn a_model_is_replaced_beside_the_one_that_still_streams() {
    let pair = Pair::start();
    pair.ask("beta").await;
    let stream = pair.stream().await;
    let tokens = "vllm:prompt_tokens_total{engine=\"0\",model_name=\"beta\"}";
    let before = pair.server.metric(tokens).await;
    assert!(before > 0.0);
    let controls = Arc::<Controls>::default();
    controls.say("beta anew");
    pair.server.load_as("beta", Setup::default().limits, controls);
    assert_eq!(pair.said("beta").await, "beta anew", "new requests go to the new one");
    assert!(rest(stream).await > 100, "the old one goes on to the end");
    assert!(pair.server.metric(tokens).await > before, "counters go on");
}

#[tokio::test]
async fn only_an_admin_may_change_models() {
    let pair = Pair::start();
    for what in ["load", "unload"] {
        for key in [None, Some("another-key")] {
            let answer = pair.server.send(change(what, "beta", key)).await;
            assert_eq!(answer.error(), (403, "permission_denied".to_owned()), "{what} {key:?}");
        }
    }
    assert_eq!(pair.server.send(change("unload", "gamma", Some(ADMIN))).await.error().1, "model_not_found");
    assert_eq!(pair.status("beta").await, "loaded");
    let nobody = TestServer::start();
    let answer = nobody.send(change("unload", "fake", Some(ADMIN))).await;
    assert_eq!(answer.error(), (403, "not_enabled".to_owned()));

    let keyed = TestServer::with(Setup { flags: setup().flags, keys: vec!["a-key-of-a-client"], ..Setup::default() });
    let client = keyed.send(change("unload", "alpha", Some("a-key-of-a-client"))).await;
    assert_eq!(client.error(), (403, "permission_denied".to_owned()));
    assert_eq!(keyed.send(change("unload", "alpha", None)).await.error(), (401, "invalid_api_key".to_owned()));
    assert_eq!(keyed.send(change("unload", "alpha", Some(ADMIN))).await.status, 200);
}

#[tokio::test]
async fn a_model_is_changed_by_one_at_a_time() {
    let pair = Pair::start();
    let stream = pair.stream().await;
    let unloaded = pair.unload_beta().await;
    let second = pair.server.send(change("load", "beta", Some(ADMIN))).await;
    assert_eq!(second.error(), (409, "conflict".to_owned()));
    drop(stream);
    assert_eq!(unloaded.await.unwrap().status, 200);
    let loading = TestServer::loading(&setup());
    assert_eq!(loading.send(change("unload", "alpha", Some(ADMIN))).await.error(), (409, "conflict".to_owned()));
}

#[tokio::test]
async fn a_model_whose_files_are_gone_stays_unloaded() {
    let pair = Pair::start();
    assert_eq!(pair.server.send(change("unload", "alpha", Some(ADMIN))).await.status, 200);
    let answer = pair.server.send(change("load", "alpha", Some(ADMIN))).await;
    assert_eq!(answer.error(), (400, "invalid_model".to_owned()));
    assert_eq!(pair.status("alpha").await, "unloaded");
    assert_eq!(pair.said("beta").await, "an answer of beta");
}
