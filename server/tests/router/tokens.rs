//! Texts to tokens and back: the ids are those of a generation, and no step is computed for them.

use serde_json::{Value, json};

use crate::support::{
    MODEL, TestServer,
    client::{Answer, chat_body, json_request},
};

async fn post(server: &TestServer, path: &str, body: Value) -> Answer {
    server.send(json_request(path, &body)).await
}

/// The turns of [`chat_body`] and these members.
fn conversation(members: &Value) -> Value {
    let mut body = json!({"model": MODEL, "messages": chat_body(json!({}))["messages"]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn tool() -> Value {
    json!({"type": "function", "function": {"name": "ring", "parameters": {"type": "object", "properties": {}}}})
}

#[tokio::test]
async fn a_text_has_the_tokens_it_is_completed_from() {
    let server = TestServer::start();
    for (text, special) in [("once upon", true), ("once upon", false), ("", true), ("<|im_end|>é", true)] {
        let members = json!({"prompt": text, "add_special_tokens": special, "return_token_ids": true, "max_tokens": 1});
        let generated = server.complete(members).await;
        let asked = json!({"model": MODEL, "prompt": text, "add_special_tokens": special, "return_token_strs": true});
        let json = post(&server, "/tokenize", asked).await.json();
        assert_eq!(json["tokens"], generated.json()["choices"][0]["prompt_token_ids"], "{text}");
        assert_eq!(json["count"], json["tokens"].as_array().unwrap().len());
        assert_eq!(json["token_strs"].as_array().unwrap().len(), json["tokens"].as_array().unwrap().len());
        assert!(json["max_model_len"].as_u64().unwrap() > 100);
        let back = post(&server, "/v1/detokenize", json!({"model": MODEL, "tokens": json["tokens"]})).await;
        assert!(back.json()["prompt"].as_str().unwrap().ends_with(text), "{text}: {}", back.text());
    }
}

#[tokio::test]
async fn a_chat_has_the_tokens_it_is_answered_from() {
    let server = TestServer::start();
    for members in [json!({}), json!({"tools": [tool()]}), json!({"add_generation_prompt": false})] {
        let mut asked = members.as_object().unwrap().clone();
        asked.extend([("return_token_ids".to_owned(), json!(true)), ("max_tokens".to_owned(), json!(1))]);
        let generated = server.chat(Value::Object(asked)).await.json();
        let body = conversation(&members);
        let json = post(&server, "/v1/tokenize", body.clone()).await.json();
        assert_eq!(json["tokens"], generated["prompt_token_ids"], "{members}");
        assert_eq!(json["token_strs"], Value::Null);
        let count = post(&server, "/v1/chat/completions/input_tokens", body.clone()).await.json();
        let kept = post(&server, "/apply-template", chat_body(json!({"store": true}))).await;
        assert_eq!(kept.header("x-gondola-ignored"), "store");
        assert_eq!(count, json!({"input_tokens": generated["usage"]["prompt_tokens"]}));
        let text = post(&server, "/apply-template", body).await.json();
        let decoded = post(&server, "/detokenize", json!({"model": MODEL, "tokens": json["tokens"]})).await.json();
        assert_eq!(text, decoded);
    }
}

#[tokio::test]
async fn a_rendered_request_says_how_it_would_run() {
    let server = TestServer::start();
    let body = chat_body(json!({"seed": -5, "stop": ["x"], "max_tokens": 7, "store": true}));
    let answer = post(&server, "/v1/chat/completions/render", body.clone()).await;
    assert_eq!(answer.header("x-gondola-ignored"), "store");
    let json = answer.json();
    assert!(json["request_id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(json["features"], Value::Null);
    assert_eq!(json["token_ids"], post(&server, "/tokenize", conversation(&json!({}))).await.json()["tokens"]);
    let params = &json["sampling_params"];
    assert_eq!((&params["seed"], &params["stop"], &params["max_tokens"]), (&json!(-5), &json!(["x"]), &json!(7)));
    assert_eq!((&params["n"], &params["top_k"], &params["logit_bias"]), (&json!(1), &json!(0), &Value::Null));
    let several = json!({"model": MODEL, "prompt": ["ab", "c"], "logit_bias": {"5": 1}});
    let json = post(&server, "/v1/completions/render", several).await.json();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[0]["sampling_params"]["logit_bias"], json!({"5": 1.0}));
    assert_eq!(json[1]["sampling_params"]["max_tokens"], 16);
    let long = json!({"model": MODEL, "prompt": "x", "max_tokens": 1_000_000});
    let refused = post(&server, "/v1/completions/render", long).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    assert_eq!(server.controls.steps(), 0, "nothing is computed");
    server.assert_whole().await;
}

#[tokio::test]
async fn wrong_members_are_named() {
    let server = TestServer::start();
    let messages = json!([{"role": "user", "content": "x"}]);
    let cases = [
        ("/tokenize", json!({}), "missing_required_parameter", "prompt"),
        ("/tokenize", json!({"prompt": "x", "messages": messages}), "invalid_value", "messages"),
        ("/tokenize", json!({"prompt": "x", "tools": []}), "invalid_value", "tools"),
        ("/tokenize", json!({"content": "x"}), "unsupported_parameter", "content"),
        ("/tokenize", json!({"inputs": "x"}), "unsupported_parameter", "inputs"),
        ("/tokenize", json!({"messages": []}), "array_below_min_length", "messages"),
        ("/tokenize", json!({"prompt": 5}), "invalid_type", "prompt"),
        ("/tokenize", json!({"prompt": "x", "model": "none"}), "model_not_found", "model"),
        ("/tokenize", json!({"prompt": "x".repeat(1 << 20)}), "context_length_exceeded", "prompt"),
        ("/detokenize", json!({}), "missing_required_parameter", "tokens"),
        ("/detokenize", json!({"tokens": [1, 100_000]}), "integer_above_max_value", "tokens[1]"),
        ("/detokenize", json!({"tokens": [-1]}), "integer_below_min_value", "tokens[0]"),
        ("/detokenize", json!({"tokens": [], "model": "none"}), "model_not_found", "model"),
    ];
    for (path, members, code, param) in cases {
        let mut body = json!({"model": MODEL});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = post(&server, path, body).await;
        assert_eq!(answer.json()["error"]["code"], code, "{path} {param}: {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], param, "{path} {code}");
    }
    let content = post(&server, "/tokenize", json!({"model": MODEL, "content": "x"})).await;
    assert!(content.text().contains("use prompt"), "{}", content.text());
}
