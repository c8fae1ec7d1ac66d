//! HTTP itself: headers of every answer, methods, paths, media types.

use axum::{body::Body, http::Method};
use serde_json::json;

use server::routes::unserved::{FOR_ADAPTERS, FOR_OTHER_MODELS};

use crate::support::{
    Setup, TestServer,
    client::{chat_body, json_request, request},
};

#[tokio::test]
async fn every_answer_carries_the_common_headers() {
    let server = TestServer::start();
    let answers = [
        server.get("/health").await,
        server.get("/nowhere").await,
        server.chat(json!({})).await,
        server.chat(json!({"stream": true})).await,
        server.chat(json!({"n": 0})).await,
    ];
    for answer in answers {
        assert!(answer.header("x-request-id").starts_with("req_"));
        answer.header("openai-processing-ms").parse::<u64>().unwrap();
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.headers.contains_key("server"));
    }
}

#[tokio::test]
async fn a_client_id_is_echoed_and_never_used() {
    let server = TestServer::start();
    let with_id = |id: &str| {
        let mut request = json_request("/v1/chat/completions", &chat_body(json!({})));
        request.headers_mut().insert("x-request-id", id.parse().unwrap());
        server.send(request)
    };
    let (first, second) = (with_id("same").await, with_id("same").await);
    assert_eq!((first.header("x-request-id"), second.header("x-request-id")), ("same", "same"));
    assert_ne!(first.json()["id"], second.json()["id"]);
    assert!(with_id("two words").await.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_have_error_objects() {
    let server = TestServer::start();
    for path in ["/", "/v1/nowhere", "/v1/chat/completions/", "/v1/systemone"] {
        assert_eq!(server.get(path).await.error(), (404, "unknown_url".to_owned()), "{path}");
    }
    for (method, path, allowed) in [
        (Method::GET, "/v1/chat/completions", "POST"),
        (Method::DELETE, "/v1/completions", "POST"),
        (Method::GET, "/v1/embeddings", "POST"),
        (Method::POST, "/v1/models", "GET,HEAD"),
        (Method::PUT, "/health", "GET,HEAD"),
        (Method::OPTIONS, "/v1/models", "GET,HEAD"),
    ] {
        let answer = server.send(request(method.clone(), path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.error(), (405, "method_not_supported".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow").replace(' ', ""), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn routes_of_other_kinds_of_models_say_what_this_one_serves() {
    let server = TestServer::start();
    let ask = |path: &'static str| server.send(json_request(path, &json!({"model": "fake", "query": "up"})));
    for path in FOR_OTHER_MODELS {
        let answer = ask(path).await;
        assert_eq!(answer.error(), (400, "unsupported_model".to_owned()), "{path}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("/v1/chat/completions"));
    }
    for path in FOR_ADAPTERS {
        assert_eq!(ask(path).await.error(), (403, "not_enabled".to_owned()), "{path}");
    }
    let loading = TestServer::loading(&Setup::default());
    let early = loading.send(json_request("/v1/rerank", &json!({}))).await;
    assert_eq!(early.error(), (503, "model_loading".to_owned()));
}

#[tokio::test]
async fn head_works_where_get_does() {
    let server = TestServer::start();
    for path in ["/health", "/v1/models", "/metrics", "/version"] {
        let answer = server.send(request(Method::HEAD, path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test]
async fn json_routes_take_plain_json_only() {
    let server = TestServer::start();
    for (name, value) in [("content-type", "text/plain"), ("content-encoding", "gzip")] {
        let mut request = json_request("/v1/chat/completions", &chat_body(json!({})));
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(server.send(request).await.error(), (415, "unsupported_media_type".to_owned()));
    }
    let mut with_charset = json_request("/v1/chat/completions?api-version=1&beta", &chat_body(json!({})));
    with_charset.headers_mut().insert("content-type", "Application/JSON; charset=utf-8".parse().unwrap());
    assert_eq!(server.send(with_charset).await.status, 200);
}
