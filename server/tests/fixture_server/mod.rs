//! The whole server over models of the engine's fixtures, in memory.

use std::{
    path::{Path, PathBuf},
    thread,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, header::CONTENT_TYPE},
};
use http_body_util::BodyExt;
use serde_json::Value;
use server::{
    app::{self, App},
    clock::Clock,
    config::Config,
    engine_thread,
    flags::Flags,
    text_pool::TextPool,
};
use tower::ServiceExt;

/// What every request carries; a server without keys does not look at it.
pub(crate) const KEY: &str = "the-key-of-an-admin";

/// A fixture's folder.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures").join(name)
}

/// A server with its models loaded; their engines run as long as it is there.
pub(crate) fn serve(flags: &Flags) -> Router {
    let app = App::new(Config::resolve(flags).unwrap(), Clock::monotonic(), TextPool::new());
    let router = app::router(&app);
    let loaded = thread::spawn(move || engine_thread::load_all(&app).map_err(|error| error.to_string()));
    assert_eq!(loaded.join().unwrap(), Ok(()));
    router
}

/// The answer to a request, once it begins.
pub(crate) async fn open(router: &Router, path: &str, body: &Value) -> Response<Body> {
    let request = Request::post(path).header("host", "localhost").header(CONTENT_TYPE, "application/json");
    let request = request.header("x-api-key", KEY).body(Body::from(body.to_string())).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

/// The status and the body of an answer.
pub(crate) async fn send(router: &Router, path: &str, body: &Value) -> (u16, Value) {
    let (head, body) = open(router, path, body).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap())
}
