//! Who may call: keys on every route, `Host` without keys, and no cross-origin header.

use axum::{
    body::Body,
    http::{HeaderName, Method, Request},
};
use serde_json::json;
use server::app;

use crate::support::{
    Setup, TestServer,
    client::{Answer, chat_body, json_request, request},
};

const KEY: &str = "a-key-of-twenty-characters";

fn guarded() -> TestServer {
    TestServer::with(Setup { keys: vec![KEY, "another-key-of-this-server"], ..Setup::default() })
}

async fn ask(server: &TestServer, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let builder = headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
    server.send(builder.method(method).uri(path).body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn every_route_but_the_open_ones_needs_a_key() {
    let server = guarded();
    let mut paths: Vec<String> = app::guarded_paths().iter().map(|path| path.replace("{*id}", "x")).collect();
    paths.extend(
        ["/", "/v1", "/nowhere", "/v1/models/", "/HEALTH", "/health/", "//health", "/%68ealth", "/v1/../health"]
            .map(String::from),
    );
    for path in &paths {
        for method in [Method::GET, Method::POST, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::PUT] {
            let answer = ask(&server, method.clone(), path, &[("host", "localhost")]).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            if method != Method::HEAD {
                assert_eq!(answer.error(), (401, "invalid_api_key".to_owned()));
            }
        }
    }
    for path in app::open_paths() {
        assert_eq!(ask(&server, Method::GET, path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_known_key_passes_in_either_header_and_is_never_echoed() {
    let server = guarded();
    let bearer = format!("Bearer {KEY}");
    for header in [("authorization", bearer.as_str()), ("x-api-key", "another-key-of-this-server")] {
        assert_eq!(ask(&server, Method::GET, "/v1/models", &[header]).await.status, 200);
        assert_eq!(ask(&server, Method::GET, "/nowhere", &[header]).await.error().0, 404);
    }
    let both = [("authorization", bearer.as_str()), ("x-api-key", KEY)];
    assert_eq!(ask(&server, Method::GET, "/v1/models", &both).await.status, 401);
    let wrong =
        ask(&server, Method::GET, "/v1/models?api_key=sk-wrong-wrong", &[("x-api-key", "sk-wrong-wrong")]).await;
    assert!(wrong.status == 401 && !wrong.text().contains("sk-wrong"));
}

#[tokio::test]
async fn a_key_is_asked_for_before_the_body_is_read() {
    let server = guarded();
    let body = Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
    let request = request(Method::POST, "/v1/chat/completions").body(body).unwrap();
    assert_eq!(server.send(request).await.error(), (401, "invalid_api_key".to_owned()));
}

#[tokio::test]
async fn without_keys_the_host_must_be_known() {
    let flags = server::flags::Flags { allowed_hosts: vec!["models.example".to_owned()], ..Setup::default().flags };
    let server = TestServer::with(Setup { flags, ..Setup::default() });
    for host in ["localhost", "127.0.0.1:8000", "[::1]:1", "models.example"] {
        assert_eq!(ask(&server, Method::GET, "/v1/models", &[("host", host)]).await.status, 200, "{host}");
    }
    for path in ["/v1/models", "/metrics", "/version", "/nowhere"] {
        for headers in [&[("host", "rebound.example")][..], &[]] {
            let answer = ask(&server, Method::GET, path, headers).await;
            assert_eq!(answer.error(), (403, "host_not_allowed".to_owned()), "{path} {headers:?}");
        }
    }
    for path in app::open_paths() {
        assert_eq!(ask(&server, Method::GET, path, &[("host", "10.0.0.7:8000")]).await.status, 200, "{path}");
    }
    assert_eq!(ask(&guarded(), Method::GET, "/health", &[("host", "rebound.example")]).await.status, 200);
}

const PREFLIGHT: [(&str, &str); 3] =
    [("host", "localhost"), ("origin", "https://page.example"), ("access-control-request-method", "POST")];

fn cors_headers(answer: &Answer) -> Vec<&HeaderName> {
    answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).collect()
}

#[tokio::test]
async fn by_default_no_page_may_read_an_answer() {
    for server in [TestServer::start(), guarded()] {
        for path in ["/v1/chat/completions", "/nowhere", "/health"] {
            let preflight = ask(&server, Method::OPTIONS, path, &PREFLIGHT).await;
            assert_eq!((preflight.status, cors_headers(&preflight)), (204, vec![]), "{path}");
            let answer = ask(&server, Method::GET, path, &PREFLIGHT[..2]).await;
            assert!(cors_headers(&answer).is_empty());
        }
    }
    let server = TestServer::start();
    let mut plain = json_request("/v1/chat/completions", &chat_body(json!({})));
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(server.send(plain).await.error(), (415, "unsupported_media_type".to_owned()));
}

#[tokio::test]
async fn only_listed_origins_get_cors_headers_and_never_credentials() {
    let origins = vec!["https://page.example".to_owned()];
    let flags = server::flags::Flags { allowed_origins: origins, ..Setup::default().flags };
    let server = TestServer::with(Setup { flags, ..Setup::default() });
    let preflight = ask(&server, Method::OPTIONS, "/v1/chat/completions", &PREFLIGHT).await;
    assert_eq!(preflight.header("access-control-allow-origin"), "https://page.example");
    let answer = ask(&server, Method::GET, "/v1/models", &PREFLIGHT[..2]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://page.example");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    let other = [("host", "localhost"), ("origin", "https://page.example.evil")];
    assert!(cors_headers(&ask(&server, Method::GET, "/v1/models", &other).await).is_empty());
}
