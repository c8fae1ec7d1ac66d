//! Refusals: every class of errors that a request can meet, in the one form.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{
    Setup, TestServer,
    client::{chat_body, json_request, request},
};

#[tokio::test]
async fn every_wrong_field_is_a_400_that_names_it() {
    let server = TestServer::start();
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({"messages": null}), "missing_required_parameter", "messages"),
        (json!({"model": null}), "missing_required_parameter", "model"),
        (json!({"temperature": "hot"}), "invalid_type", "temperature"),
        (json!({"max_tokens": 1.5}), "invalid_type", "max_tokens"),
        (json!({"stream": "yes"}), "invalid_type", "stream"),
        (json!({"messages": []}), "array_below_min_length", "messages"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "invalid_value", "messages[0].role"),
        (json!({"messages": [{"role": "user", "content": "x", "foo": 1}]}), "unknown_parameter", "messages[0].foo"),
        (json!({"temperature": 2.5}), "decimal_above_max_value", "temperature"),
        (json!({"temperature": -1}), "decimal_below_min_value", "temperature"),
        (json!({"n": 9}), "integer_above_max_value", "n"),
        (json!({"n": 0}), "integer_below_min_value", "n"),
        (json!({"top_logprobs": 3}), "invalid_value", "top_logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "integer_above_max_value", "top_logprobs"),
        (json!({"stop": vec!["a"; 17]}), "array_above_max_length", "stop"),
        (json!({"stop": "x".repeat(257)}), "string_above_max_length", "stop"),
        (json!({"stream_options": {"include_usage": true}}), "invalid_value", "stream_options"),
        (json!({"no_such_field": 1}), "unknown_parameter", "no_such_field"),
        (json!({"functions": []}), "unsupported_parameter", "functions"),
        (json!({"chat_template": "{{ x }}"}), "unsupported_parameter", "chat_template"),
        (json!({"logit_bias": {"100000": 1}}), "invalid_value", "logit_bias.100000"),
        (json!({"max_tokens": 5000}), "context_length_exceeded", "messages"),
    ];
    for (fields, code, param) in cases {
        let answer = server.chat(fields.clone()).await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{fields}: {}", answer.text());
        let json = answer.json();
        assert_eq!(json["error"]["type"], "invalid_request_error");
        assert!(json["error"]["param"].as_str().unwrap_or_default().starts_with(param), "{fields}: {json}");
    }
    server.assert_whole().await;
    assert_eq!(server.controls.steps(), 0, "a refusal computes nothing");
}

#[tokio::test]
async fn an_unknown_model_is_404_and_names_nothing_else() {
    let server = TestServer::start();
    let answer = server.chat(json!({"model": "x".repeat(500)})).await;
    assert_eq!(answer.error(), (404, "model_not_found".to_owned()));
    assert!(answer.text().matches('x').count() <= 130, "at most 128 characters of the client's value");
}

#[tokio::test]
async fn broken_json_is_a_400() {
    let server = TestServer::start();
    let nested = "[".repeat(200) + &"]".repeat(200);
    let twice = r#"{"model":"fake","model":"fake","prompt":"x"}"#;
    for body in ["", "{", "{}x", "\u{feff}{}", "null", "[]", twice, nested.as_str(), r#"{"model":"\ud800"}"#] {
        for path in ["/v1/chat/completions", "/v1/completions"] {
            let builder = request(Method::POST, path).header("content-type", "application/json");
            let answer = server.send(builder.body(body.to_owned().into()).unwrap()).await;
            let (status, code) = answer.error();
            assert_eq!(status, 400, "{body}: {code}");
        }
    }
    let builder = request(Method::POST, "/v1/completions").header("content-type", "application/json");
    let answer = server.send(builder.body(vec![b'"', 0xFF, b'"'].into()).unwrap()).await;
    assert_eq!(answer.error(), (400, "invalid_json".to_owned()));
}

#[tokio::test]
async fn long_prompts_are_refused_by_tokens_and_before_that_by_bytes() {
    let server = TestServer::start();
    let tokens = server.complete(json!({"prompt": "x".repeat(1020)})).await;
    assert_eq!(tokens.error(), (400, "context_length_exceeded".to_owned()));
    let message = tokens.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("maximum context length is 1024 tokens"), "{message}");
    let bytes = server.complete(json!({"prompt": "x".repeat(70_000)})).await;
    assert_eq!(bytes.error(), (400, "context_length_exceeded".to_owned()));
    assert!(bytes.json()["error"]["message"].as_str().unwrap().contains("65536"), "{}", bytes.text());
    assert_eq!(bytes.json()["error"]["param"], "prompt");
}

#[tokio::test]
async fn what_the_pool_can_never_hold_is_refused_with_the_arithmetic() {
    let mut setup = Setup::default();
    setup.limits.num_blocks = 8;
    let server = TestServer::with(setup);
    let answer = server.complete(json!({"max_tokens": 100})).await;
    assert_eq!(answer.error(), (400, "context_length_exceeded".to_owned()));
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains('8'), "{message}");
    assert_eq!(server.complete(json!({"max_tokens": 8})).await.status, 200);
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_413_before_it_is_read() {
    let server = TestServer::start();
    let builder = request(Method::POST, "/v1/completions").header("content-type", "application/json");
    let unread = builder.header("content-length", "5000000").body(axum::body::Body::empty()).unwrap();
    assert_eq!(server.send(unread).await.error(), (413, "request_too_large".to_owned()));
    let read = json_request("/v1/completions", &chat_body(json!({"x": "y".repeat(4 << 20)})));
    assert_eq!(server.send(read).await.error(), (413, "request_too_large".to_owned()));
}

#[tokio::test]
async fn a_request_brings_no_template_code_path_or_tensor() {
    let server = TestServer::start();
    for field in ["chat_template", "prompt_embeds", "lora_path", "documents", "grammar", "mm_processor_kwargs"] {
        let chat = server.chat(json!({field: "file:///etc/passwd"})).await;
        let completion = server.complete(json!({field: "file:///etc/passwd"})).await;
        for answer in [chat, completion] {
            let (status, code) = answer.error();
            assert_eq!(status, 400, "{field}");
            let codes = ["unsupported_parameter", "unknown_parameter", "invalid_type"];
            assert!(codes.contains(&code.as_str()), "{field}: {code}");
        }
    }
    let image =
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]);
    assert_eq!(server.chat(json!({"messages": image})).await.status, 400);
}

#[tokio::test]
async fn a_client_deadline_must_be_a_positive_number() {
    let server = TestServer::start();
    for value in ["0", "-1", "soon", "1.5"] {
        let mut request = json_request("/v1/chat/completions", &chat_body(json!({})));
        request.headers_mut().insert("x-request-timeout-ms", value.parse().unwrap());
        assert_eq!(server.send(request).await.error(), (400, "invalid_value".to_owned()));
    }
}
