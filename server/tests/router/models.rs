//! Several models in one process: which of them answers, and what is told of each.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    TestServer,
    client::{chat_body, json_request},
    pair::{ADMIN, Pair, change, setup},
};

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
